/** A Secret in a directory, as kubelet mounts it. Source: Kubernetes pkg/volume/util/atomic_writer.go. */
import fs from "node:fs";
import path from "node:path";

/** Each version is a directory of its own. The names that Pods read go through one link, which is swapped by a rename. */
export class MountedSecret {
  readonly #directory: string;
  #versions = 0;

  constructor(directory: string) {
    this.#directory = directory;
    fs.mkdirSync(directory, { recursive: true });
  }

  /** @param data as a Secret has it: base64 */
  write(data: Readonly<Record<string, string>>): void {
    const link = path.join(this.#directory, "..data");
    const before = fs.existsSync(link) ? fs.readlinkSync(link) : undefined;
    const version = `..${new Date().toISOString().replaceAll(/[-T:.Z]/g, "_")}${++this.#versions}`;
    fs.mkdirSync(path.join(this.#directory, version));
    for (const [name, value] of Object.entries(data)) {
      fs.writeFileSync(path.join(this.#directory, version, name), Buffer.from(value, "base64"), { mode: 0o600 });
    }
    const next = path.join(this.#directory, "..data_tmp");
    fs.symlinkSync(version, next);
    fs.renameSync(next, link);
    for (const name of Object.keys(data)) {
      const shown = path.join(this.#directory, name);
      if (fs.lstatSync(shown, { throwIfNoEntry: false }) === undefined)
        fs.symlinkSync(path.join("..data", name), shown);
    }
    if (before !== undefined) fs.rmSync(path.join(this.#directory, before), { recursive: true });
  }
}
