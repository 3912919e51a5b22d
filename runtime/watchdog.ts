import type { ChildProcess } from "node:child_process";
import { type Clock, sleep } from "./clock.ts";
import { adminRequest } from "./envoy.ts";
import type { Log } from "./log.ts";

export interface Patience {
  readonly everyMs: number;
  /** So often in a row without an answer is too often. */
  readonly misses: number;
}

export interface WatchdogOptions {
  /** Where it answers. It need not be there yet. */
  readonly socketPath: string;
  /** Default: a minute in all, well over the longest compile. */
  readonly patience?: Patience | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const usual: Patience = { everyMs: 10_000, misses: 6 };

/** Kills a control plane that does not answer any more, until it ends. As kubelet's liveness probe would, but without Envoy. */
export async function watchControlPlane(child: ChildProcess, options: WatchdogOptions): Promise<void> {
  const { socketPath, clock, log, patience: { everyMs, misses } = usual } = options;
  const ended = new AbortController();
  const { signal } = ended;
  child.once("exit", () => ended.abort());
  let askedMs = clock.now();
  for (let missed = 0; missed < misses; ) {
    await sleep(clock, Math.max(0, askedMs + everyMs - clock.now()), signal);
    if (signal.aborted) return;
    askedMs = clock.now();
    const probe = { method: "GET", path: "/healthz", timeoutMs: everyMs / 2 } as const;
    missed = await adminRequest(socketPath, probe).then(
      () => 0,
      () => missed + 1,
    );
  }
  if (signal.aborted) return;
  log.error("the control plane does not answer, killing it", { pid: child.pid, forMs: everyMs * misses });
  child.kill("SIGKILL");
}
