import fs from "node:fs";
import path from "node:path";
import { documents } from "../../test/e2e/support/manifests.ts";
import type { Place } from "./place.ts";

/** A new directory, in which files are changed under a gateway: each whole, at once. */
export function manifestDirectory(directory: string): Place {
  let changes = 0;
  fs.mkdirSync(directory);
  const write = (name: string, text: string): void => {
    changes++;
    // Hidden files are no manifests.
    const written = path.join(directory, `.${name}.yaml`);
    fs.writeFileSync(written, text);
    fs.renameSync(written, path.join(directory, `${name}.yaml`));
  };
  return {
    source: { config: directory },
    backendAddress: "127.0.0.1",
    get changes() {
      return changes;
    },
    put: async (name, ...manifests) => write(name, documents(...manifests)),
    putUnreadable: async (name, text) => write(name, text),
    async remove(name) {
      changes++;
      fs.rmSync(path.join(directory, `${name}.yaml`), { force: true });
    },
  };
}
