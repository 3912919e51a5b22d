import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Metafile } from "esbuild";
import { metafile } from "../../../hack/paths.mjs";
import { ENVOY_BINARY } from "../../support/envoy.ts";
import { eventually } from "../../support/eventually.ts";

/** Relative to the repository's root, where jest runs. NUNCIO_DIST: another bundle to test, as it is. */
const given = process.env["NUNCIO_DIST"];
const dist = resolve(given ?? "dist");
const lock = resolve(".cache/e2e-bundle.lock");
const staleLockMs = 120_000;

export interface Bundle {
  /** Path of nuncio.js. */
  readonly program: string;
  readonly envoy: string;
  remove(): void;
}

/** The product as it is installed: the bundle of the sources of now, away from the sources and from node_modules. A copy, so that a
 *  rebuild takes nothing away from a control plane that starts again in the middle of a test. */
export async function installBundle(): Promise<Bundle> {
  const dir = mkdtempSync(join(tmpdir(), "nuncio-bundle-"));
  const bundle: Bundle = {
    program: join(dir, "nuncio.js"),
    envoy: ENVOY_BINARY,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  if (given !== undefined) {
    cpSync(dist, dir, { recursive: true });
    return bundle;
  }
  await eventually("the lock of the bundle's build", takeLock, { timeoutMs: staleLockMs + 10_000, everyMs: 50 });
  try {
    // Nothing to do after `npm test`, which sets up first: 0.1 s.
    await promisify(execFile)(process.execPath, ["hack/setup.mjs", "--quiet"]);
    await eventually("a whole bundle", () => copyBundle(dir));
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return bundle;
}

/** What is in a bundle that is not a given one, as esbuild tells it. */
export function metafileOf({ program }: Bundle): Metafile {
  return JSON.parse(readFileSync(join(dirname(program), "metafile.json"), "utf8")) as Metafile;
}

/** Two test files that start at once must not both build. */
function takeLock(): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > staleLockMs) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

/** False when somebody builds at this moment: the stamp is taken away first and written last. */
function copyBundle(dir: string): boolean {
  const stamp = join(dist, ".stamp");
  const before = existsSync(stamp) ? readFileSync(stamp, "utf8") : undefined;
  rmSync(dir, { recursive: true, force: true });
  cpSync(dist, dir, { recursive: true });
  cpSync(metafile, join(dir, "metafile.json"));
  return before !== undefined && existsSync(stamp) && readFileSync(stamp, "utf8") === before;
}
