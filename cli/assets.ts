import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { FatalError } from "../runtime/fatal.ts";

declare const NUNCIO_VERSION: string | undefined;
declare const ENVOY_VERSION: string | undefined;

/** Set by the bundler. */
export const version = typeof NUNCIO_VERSION === "string" ? NUNCIO_VERSION : "development";
export const envoyVersion = typeof ENVOY_VERSION === "string" ? ENVOY_VERSION : undefined;

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);

/** The file that this process was started from: a child of ours runs it again. */
export const program = path.join(
  here,
  path.basename(fileURLToPath(import.meta.url)) === "assets.ts" ? "main.ts" : "nuncio.js",
);

function installed(file: string): string | undefined {
  const base = path.join(root, ".cache/envoy");
  if (!fs.existsSync(base)) return undefined;
  const versions = envoyVersion === undefined ? fs.readdirSync(base).sort().reverse() : [envoyVersion];
  return versions.map((each) => path.join(base, each, file)).find((each) => fs.existsSync(each));
}

/** In the image's tree, wherever it is mounted: this file is in usr/lib/nuncio, Envoy in usr/bin. */
const besideImage = path.join(here, "../../bin/envoy");

/** Envoy by flag, by NUNCIO_ENVOY, as set-up installed it, on the PATH, or in the image that this file is of. */
export function findEnvoy(flag: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const named = flag ?? env["NUNCIO_ENVOY"];
  if (named !== undefined) {
    if (fs.existsSync(named)) return named;
    throw new FatalError(`there is no Envoy at ${named}; name the binary with --envoy PATH`);
  }
  const onPath = (env["PATH"] ?? "").split(path.delimiter).map((directory) => path.join(directory, "envoy"));
  const found = [installed("envoy"), ...onPath, besideImage].find((each) => each !== undefined && fs.existsSync(each));
  if (found !== undefined) return found;
  throw new FatalError("no Envoy was found; run `npm run setup`, or name the binary with --envoy PATH");
}

/** Descriptors of Envoy's types: beside the bundle, or where set-up made them. */
export function readDescriptors(): Uint8Array {
  const beside = path.join(here, "envoy-descriptors.binpb");
  const file = fs.existsSync(beside) ? beside : installed("descriptors.binpb");
  if (file === undefined) throw new FatalError("Envoy's descriptors are missing; run `npm run setup`");
  return fs.readFileSync(file);
}

/** A path as the person at the terminal means it: npm changes to the package's root before it runs a script. */
export function userPath(given: string, env: Readonly<Record<string, string | undefined>>): string {
  const from = env["npm_lifecycle_event"] === "nuncio" ? (env["INIT_CWD"] ?? process.cwd()) : process.cwd();
  return path.resolve(from, given);
}
