/** How long `nuncio check` and `nuncio plan` take for a directory of manifests, as a CI job starts them. */
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { loadAverage } from "./machine.ts";
import { filler, frame, type Manifest, type Shape } from "./objects.ts";
import { type Distribution, distribution } from "./statistics.ts";

export interface FilesRow {
  /** One Mapping each. */
  readonly files: number;
  readonly loadAverage: readonly number[];
  /** Milliseconds of whole processes. */
  readonly checkMs: Distribution;
  /** Every Mapping against a state in which each of them has another target. */
  readonly planMs: Distribution;
}

interface Measured {
  readonly bundle: string;
  /** An empty one of its own. */
  readonly directory: string;
  readonly files: number;
  readonly repetitions: number;
}

const shape: Shape = { scheme: "cleartext", hosts: 1 };

export async function measureFiles({ bundle, directory, files, repetitions }: Measured): Promise<FilesRow> {
  const load = loadAverage();
  const [live, candidate] = [path.join(directory, "live"), path.join(directory, "candidate")];
  const around = await frame(shape, 8080);
  const mappings = Array.from({ length: files }, (_, index) => filler(shape, index));
  write(live, [...around, ...mappings]);
  write(candidate, [...around, ...mappings.map(elsewhere)]);
  const run = (...args: readonly string[]) => took(bundle, args);
  const checkMs: number[] = [];
  const planMs: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    checkMs.push(await run("check", candidate));
    planMs.push(await run("plan", "--from", live, candidate));
  }
  return { files, loadAverage: load, checkMs: distribution(checkMs), planMs: distribution(planMs) };
}

function elsewhere(mapping: Manifest): Manifest {
  return { ...mapping, spec: { ...mapping.spec, service: `${String(mapping.spec?.["service"])}1` } };
}

function write(directory: string, manifests: readonly Manifest[]): void {
  fs.mkdirSync(directory, { recursive: true });
  for (const [index, manifest] of manifests.entries())
    fs.writeFileSync(path.join(directory, `${index}.yaml`), JSON.stringify(manifest));
}

/** @returns milliseconds */
function took(bundle: string, args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [bundle, ...args], { maxBuffer: 1 << 28 }, (error, _stdout, stderr) => {
      // 1: findings.
      if (error === null || error.code === 1) resolve(performance.now() - startedMs);
      else reject(new Error(`nuncio ${args.join(" ")}: ${stderr}`));
    });
  });
}
