import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { root } from "../paths.mjs";
import { DemoError, step } from "./demo.ts";

const builder = path.join(root, "hack/testcluster/build.mjs");
const exitCodeGoMissing = 3;
/** Go ends, the builder tidies up. */
const outliveGo = "data:text/javascript,process.on('SIGINT', () => setTimeout(() => process.exit(1), 3000).unref())";

export interface BuildOptions {
  /** Of the demo, for files that go with it. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** Builds the test cluster's binary, with its progress, where it is not there yet. A process of its own: an abort ends it with Go's
 *  compilers, and resolves as well. */
export async function buildTestcluster({ directory, signal }: BuildOptions): Promise<void> {
  // A go that is interrupted leaves its temporary files.
  const temporary = path.join(directory, "go");
  fs.mkdirSync(temporary);
  const child = spawn(process.execPath, ["--import", outliveGo, builder], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    env: { ...process.env, GOTMPDIR: temporary },
  });
  const abort = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGINT");
  };
  signal.addEventListener("abort", abort, { once: true });
  const failure: string[] = [];
  readline.createInterface({ input: child.stderr }).on("line", (line) => {
    if (failure.length > 0 || /^\w*(Error|GoMissing): /.test(line)) failure.push(line);
    else step(line.trim());
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  signal.removeEventListener("abort", abort);
  if (code === 0 || signal.aborted) return;
  const reason = failure.join("\n").replace(/^\w+: /, "") || `its build ended with code ${code}`;
  const wayOut = code === exitCodeGoMissing ? "\nWithout --cluster the demo needs neither." : "";
  throw new DemoError(`there is no Kubernetes API server to start: ${reason}${wayOut}`);
}
