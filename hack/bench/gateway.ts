/** The gateway as it is installed: the bundle, in processes of its own. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../test/cluster/loopback.ts";
import { envoyPath } from "../paths.mjs";
import { type Form, routeMatching } from "./forms.ts";
import { cpuTime } from "./machine.ts";
import type { Scope } from "./session.ts";

export interface GatewayOptions {
  /** Of `nuncio.js`. */
  readonly bundle: string;
  readonly directory: string;
  /** A kubeconfig, or a directory of manifests. */
  readonly source: { readonly kubeconfig: string } | { readonly config: string };
  readonly form: Form;
  readonly readyWithinMs?: number;
  /** AMBASSADOR_* and the like. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Pids {
  readonly supervisor: number;
  readonly controlPlane: number;
  readonly envoy: number;
}

export interface Gateway {
  readonly pids: Pids;
  /** Holds the sockets and PID records. */
  readonly runDir: string;
  readonly logFile: string;
  /** From the start of the process until /readyz said 200. */
  readonly readyMs: number;
  readonly startedMs: number;
  /** A figure of /metrics, all label sets summed that hold the text `label`. */
  metric(name: string, label?: string): Promise<number>;
  /** Waits until the control plane and Envoy have nothing to do, at most so long. */
  settled(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

let started = 0;

/** Resolves once it is ready. */
export async function startGateway(scope: Scope, options: GatewayOptions): Promise<Gateway> {
  const { bundle, source, form, readyWithinMs = 300_000, env = {} } = options;
  const adminPort = await freePort();
  const runBase = path.join(options.directory, `r${++started}`);
  const logFile = path.join(options.directory, `gateway-${started}.log`);
  fs.mkdirSync(runBase);
  const log = fs.openSync(logFile, "w");
  const from = "config" in source ? ["--config", source.config] : [];
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...[bundle, "run", ...from, "--admin-port", String(adminPort), "--run-dir", runBase],
      ...["--envoy", envoyPath, "--route-matching", routeMatching(form)],
    ],
    {
      // The access log goes nowhere: who reads it is not what is measured.
      stdio: ["ignore", "ignore", log],
      detached: true,
      env: {
        ...process.env,
        ...("kubeconfig" in source ? { KUBECONFIG: source.kubeconfig } : {}),
        ENVOY_CONCURRENCY: "1",
        AMBASSADOR_ENVOY_BIND_ADDRESS: "127.0.0.1",
        AMBASSADOR_HEALTHCHECK_BIND_ADDRESS: "127.0.0.1",
        AMBASSADOR_NAMESPACE: "default",
        ...env,
      },
    },
  );
  fs.closeSync(log);
  const ended = new Promise<void>((done) => {
    child.once("error", () => done());
    child.once("exit", () => done());
  });
  const isAlive = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const stop = async () => {
    if (!isAlive()) return;
    // As Ctrl-C does it: a drain of a second at most.
    child.kill("SIGINT");
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(late);
  };
  scope.defer(stop);

  const until = performance.now() + readyWithinMs;
  while ((await statusOf(adminPort, "/readyz")) !== 200) {
    if (!isAlive() || performance.now() > until) {
      const end = fs.readFileSync(logFile, "utf8").split("\n").slice(-15).join("\n");
      throw new Error(`the gateway ${isAlive() ? "was not ready in time" : "has ended"}:\n${end}`);
    }
    await sleep(5);
  }
  const readyMs = performance.now() - startedMs;
  const runDir = path.join(runBase, fs.readdirSync(runBase)[0] ?? "");
  const pidOf = (role: string) =>
    (JSON.parse(fs.readFileSync(path.join(runDir, `${role}.pid`), "utf8")) as { readonly pid: number }).pid;
  const pids = { supervisor: child.pid ?? 0, controlPlane: pidOf("control-plane"), envoy: pidOf("envoy") };
  return {
    pids,
    runDir,
    logFile,
    readyMs,
    startedMs,
    metric: (name, label = "") => metricOf(adminPort, name, label),
    settled: (timeoutMs) => settled(pids, timeoutMs),
    stop,
  };
}

function get(port: number, url: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, path: url, agent: false, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
    request.on("error", reject);
  });
}

async function statusOf(port: number, url: string): Promise<number> {
  try {
    return (await get(port, url)).status;
  } catch {
    return 0;
  }
}

async function metricOf(port: number, name: string, label: string): Promise<number> {
  const { body } = await get(port, "/metrics");
  let sum = 0;
  for (const line of body.split("\n")) {
    const isIt = line.startsWith(`${name}{`) || line.startsWith(`${name} `);
    if (isIt && line.includes(label)) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return sum;
}

/** Less than 3 % of a CPU for a second. */
async function settled({ controlPlane, envoy }: Pids, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  while (performance.now() < until) {
    const before = cpuTime(controlPlane).all + cpuTime(envoy).all;
    await sleep(1000);
    if (cpuTime(controlPlane).all + cpuTime(envoy).all - before < 30) return;
  }
}
