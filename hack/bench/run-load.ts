/** Full load for some seconds: by wrk where it is installed, otherwise by a loop of ours, which is slower than Envoy. */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { startChild } from "./child.ts";
import type { LoadMethods } from "./load.ts";
import { hasProgram } from "./machine.ts";
import type { Scope } from "./session.ts";

export interface RunOptions {
  readonly port: number;
  readonly path: string;
  readonly authority: string;
  readonly seconds: number;
  readonly connections: number;
  /** To run on this CPU alone. */
  readonly cpu: number | undefined;
}

export interface Run {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

export interface Generator {
  readonly name: "wrk" | "node";
  readonly run: (scope: Scope, options: RunOptions) => Promise<Run>;
}

export function loadGenerator(): Generator {
  return hasProgram("wrk") ? { name: "wrk", run: runWrk } : { name: "node", run: runNode };
}

async function runNode(scope: Scope, { port, path, authority, seconds, connections, cpu }: RunOptions): Promise<Run> {
  const child = startChild<LoadMethods>(scope, "./load.ts", { cpu });
  await child.call("start", { port, authority, paths: [path], connections, thinkMs: 0, anew: 0 });
  await sleep(seconds * 1000);
  const result = await child.call("stop", undefined);
  await child.stop();
  return { ...result, failures: Object.values(result.failures).reduce((sum, count) => sum + count, 0) };
}

async function runWrk(scope: Scope, { port, path, authority, seconds, connections, cpu }: RunOptions): Promise<Run> {
  const url = `http://127.0.0.1:${port}${path}`;
  const wrk = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-H", `host: ${authority}`, url];
  const [program = "wrk", ...flags] = cpu === undefined ? wrk : ["taskset", "-c", String(cpu), ...wrk];
  const child = spawn(program, flags, { stdio: ["ignore", "pipe", "inherit"] });
  scope.defer(() => child.kill());
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((done) => child.once("close", done));
  return wrkResult(text);
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

function wrkResult(text: string): Run {
  const latencyMs = (share: number): number => {
    const [, value = "NaN", unit = ""] = new RegExp(`^ +${share}% +([\\d.]+)(us|ms|s)`, "m").exec(text) ?? [];
    return Number(value) * (unitMs[unit] ?? Number.NaN);
  };
  const [, requests = "NaN", took = "NaN"] = /(\d+) requests in ([\d.]+)s/.exec(text) ?? [];
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? "0";
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: Number(requests),
    seconds: Number(took),
    p50Ms: latencyMs(50),
    p99Ms: latencyMs(99),
    failures: [refused, ...broken].reduce((sum, count) => sum + Number(count), 0),
  };
}
