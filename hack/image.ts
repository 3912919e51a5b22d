// `npm run image`: the container image's file tree, without a container engine. See docs/image.md.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { renewPins } from "./image/debian.ts";
import { writeOci } from "./image/oci.ts";
import { type Architecture, architectures, ImageError, ownArchitecture } from "./image/parts.ts";
import { entriesOf, type Entry, type Layer, layers, writeTree } from "./image/tree.ts";

const usage = `npm run image -- [OPTIONS]

  --out DIR        writes the file tree there; a tree that was written there before is replaced
  --layers         as DIR/system and DIR/nuncio, the image's two layers, rather than as one tree
  --oci FILE       writes the image there, as a tar file of an OCI layout
  --arch A,B       of ${architectures.join(", ")} (default: this machine's; a tree is of one)
  --measure        prints how long a container takes from its start to ready, alone and with 1,000 Mappings; as root
  --renew          pins the versions of Debian's packages that the archive has now
  -h, --help       prints this

DEBIAN_ARCHIVE in the environment is the archive to take Debian's packages from, instead of this machine's mirrors.`;

class UsageError extends ImageError {}

function readOptions() {
  const { values } = parse();
  const given = values.arch?.split(",") ?? (ownArchitecture === undefined ? [] : [ownArchitecture]);
  const wanted = given.map((name): Architecture => {
    const found = architectures.find((each) => each === name);
    if (found !== undefined) return found;
    throw new UsageError(`--arch: there is no image for ${JSON.stringify(name)}, only for ${architectures.join(", ")}`);
  });
  const [first] = wanted;
  if (first === undefined) throw new UsageError(`there is no image for ${process.arch}; name another with --arch`);
  if (values.out !== undefined && wanted.length > 1)
    throw new UsageError("--out: a tree is of one architecture; name it with --arch");
  return { ...values, architectures: wanted, first };
}

function parse() {
  try {
    return parseArgs({
      options: {
        out: { type: "string" },
        layers: { type: "boolean" },
        oci: { type: "string" },
        arch: { type: "string" },
        measure: { type: "boolean" },
        renew: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Whole before it is there. Only a tree of ours is replaced: `--out /usr` must not be a way to lose /usr. */
function writeOut(out: string, write: (directory: string) => void): void {
  const mark = [path.join(out, "usr/lib/nuncio/nuncio.js"), path.join(out, "nuncio/usr/lib/nuncio/nuncio.js")];
  if (fs.existsSync(out) && fs.readdirSync(out).length > 0 && !mark.some((each) => fs.existsSync(each)))
    throw new UsageError(`--out: ${out} is not empty, and was not written by this command; name another directory`);
  const partial = `${out}.${process.pid}.partial`;
  try {
    write(partial);
    fs.rmSync(out, { recursive: true, force: true });
    fs.renameSync(partial, out);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Of files as they lie in the container, by layer. */
function sizes(entries: readonly Entry[]): string {
  const bytes = (layer: Layer) =>
    entries.reduce((sum, entry) => {
      if (entry.kind !== "file" || entry.layer !== layer) return sum;
      const { content } = entry;
      return sum + (typeof content === "string" ? Buffer.byteLength(content) : fs.statSync(content.file).size);
    }, 0);
  return layers.map((layer) => `${layer} ${megabytes(bytes(layer))}`).join(", ");
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help === true) return console.log(usage);
  if (options.renew === true) return renewPins().forEach((line) => console.log(line));
  if (options.out === undefined && options.oci === undefined && options.measure !== true)
    throw new UsageError(`nothing to do\n\n${usage}`);
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-image-"));
  const tidy = () => fs.rmSync(work, { recursive: true, force: true });
  process.once("exit", tidy);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  try {
    const images = options.architectures.map((architecture) => ({ architecture, entries: entriesOf(architecture) }));
    const { out } = options;
    const [{ entries }] = images as [(typeof images)[number]];
    if (out !== undefined) {
      writeOut(path.resolve(out), (directory) => {
        if (options.layers !== true) return writeTree(directory, entries);
        for (const layer of layers)
          writeTree(
            path.join(directory, layer),
            entries.filter((each) => each.layer === layer),
          );
      });
      console.log(`${out}: ${options.first}: ${sizes(entries)}`);
    }
    if (options.measure === true) {
      if (options.first !== ownArchitecture) throw new UsageError("--measure: only of this machine's architecture");
      const tree = path.join(work, "tree");
      writeTree(tree, entries);
      // Only now: the build in the Dockerfile has no folder of tests, which this needs.
      const { measureStarts } = await import("./image/measure.ts");
      for (const line of await measureStarts(tree, work)) console.log(line);
    }
    if (options.oci !== undefined) {
      const written = writeOci(path.resolve(options.oci), images, work);
      console.log(`${options.oci}: ${written.digest}`);
      for (const { architecture, compressed } of written.images) {
        const each = layers.map((layer) => `${layer} ${megabytes(compressed[layer])}`);
        console.log(`  ${architecture}, compressed: ${each.join(", ")}`);
      }
    }
  } finally {
    tidy();
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  console.error(`image: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
