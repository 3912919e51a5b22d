import fs from "node:fs";
import path from "node:path";
import { documents, type Manifest } from "../../test/e2e/support/manifests.ts";

/** A directory of manifests that is changed under a gateway: each file whole, at once. */
export class ManifestDirectory {
  readonly path: string;
  #changes = 0;

  constructor(directory: string) {
    this.path = directory;
    fs.mkdirSync(directory);
  }

  /** How often something was written or removed. */
  get changes(): number {
    return this.#changes;
  }

  put(name: string, ...manifests: readonly Manifest[]): void {
    this.putText(name, documents(...manifests));
  }

  putText(name: string, text: string): void {
    this.#changes++;
    // Hidden files are no manifests.
    const written = path.join(this.path, `.${name}.yaml`);
    fs.writeFileSync(written, text);
    fs.renameSync(written, path.join(this.path, `${name}.yaml`));
  }

  remove(name: string): void {
    this.#changes++;
    fs.rmSync(path.join(this.path, `${name}.yaml`), { force: true });
  }
}
