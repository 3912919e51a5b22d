import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface ServerOptions {
  /** The first one names the server: etcd or kube-apiserver. */
  readonly args: readonly string[];
  readonly binary: string;
  /** Standard output and error are appended to it, so it spans restarts. */
  readonly logFile: string;
  /** A folder the server removes if this process dies without stopping it. */
  readonly removeWhenOrphaned?: string;
  readonly isReady: () => Promise<boolean>;
  readonly readyWithinMs: number;
  /** An abort ends the start. */
  readonly signal?: AbortSignal | undefined;
}

export interface ServerProcess {
  readonly running: () => boolean;
  /** SIGKILL, no chance to tidy up; resolves when the process is gone. */
  readonly kill: () => Promise<void>;
}

/** Starts etcd or kube-apiserver and resolves when `isReady` says yes. Rejects, with the end of the log in the message and
 *  the process gone, when the server exits or is not ready in time. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { args, logFile, isReady, readyWithinMs, signal } = options;
  signal?.throwIfAborted();
  const child = spawnServer(options);
  const server: ServerProcess = { running: () => isRunning(child), kill: () => kill(child) };
  const deadline = Date.now() + readyWithinMs;
  let lastError = "";
  while (server.running()) {
    try {
      if (await isReady()) return server;
      lastError = "";
    } catch (error) {
      lastError = String(error);
    }
    if (Date.now() > deadline || signal?.aborted) break;
    await delay(25);
  }
  const problem = server.running()
    ? `was not ready within ${readyWithinMs} ms (${lastError || "it said it is not ready"})`
    : `ended with ${ending(child)}`;
  await server.kill();
  signal?.throwIfAborted();
  throw new Error([`${args[0]} ${problem}`, `the end of ${logFile}:`, tail(logFile)].join("\n"));
}

function spawnServer({ args, binary, logFile, removeWhenOrphaned }: ServerOptions): ChildProcess {
  const log = openSync(logFile, "a");
  const child = spawn(binary, args, {
    // Standard input is the lifeline: it ends when this process does, however it does, and the server follows (main.go).
    // An exit hook is not enough: SIGKILL skips it, and under jest `process.on("exit")` never fires.
    stdio: ["pipe", log, log],
    // Out of the terminal's process group: whoever started it ends it, in the order that is right.
    detached: true,
    env: { ...process.env, TESTCLUSTER_LIFELINE: "stdin", TESTCLUSTER_REMOVE: removeWhenOrphaned ?? "" },
  });
  closeSync(log);
  child.on("error", () => undefined); // isRunning and the log's tail tell
  child.stdin?.on("error", () => undefined);
  // A cluster that nobody stopped must not keep the test process alive.
  child.unref();
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return child;
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function ending(child: ChildProcess): string {
  if (child.pid === undefined) return `no start: ${child.spawnfile} cannot be run`;
  return child.signalCode ?? `exit code ${child.exitCode}`;
}

async function kill(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  child.ref(); // or node may leave while the exit is still awaited
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function tail(logFile: string): string {
  return readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-20).join("\n");
}
