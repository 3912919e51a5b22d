import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { PinGone } from "../../hack/image/debian.ts";
import { type Architecture, ownArchitecture } from "../../hack/image/parts.ts";
import { entriesOf, type Entry, writeTree } from "../../hack/image/tree.ts";

/** Why no image can be put together here; undefined where one can. */
export const whyNoImage =
  ownArchitecture === undefined
    ? `there is no image for ${process.arch}`
    : fs.existsSync("/etc/apt/sources.list.d/debian.sources")
      ? undefined
      : "this is not Debian, of whose packages the image is made";

/** What is in the image for this machine. */
export function ownEntries(): Entry[] {
  const architecture: Architecture = ownArchitecture ?? "amd64";
  try {
    return entriesOf(architecture);
  } catch (error) {
    // Debian has mended a package: time for new pins, and no reason to test nothing.
    if (!(error instanceof PinGone)) throw error;
    process.stderr.write(`image: ${error.message}\n`);
    return entriesOf(architecture, { whenGone: "take current" });
  }
}

export interface Tree {
  readonly directory: string;
  remove(): void;
}

export function makeTree(entries: readonly Entry[]): Tree {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-image-test-"));
  const directory = path.join(base, "tree");
  writeTree(directory, entries);
  return { directory, remove: () => fs.rmSync(base, { recursive: true, force: true }) };
}
