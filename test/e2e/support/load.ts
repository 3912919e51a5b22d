import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { send } from "./client.ts";

export interface LoadOptions {
  /** Where the next connection goes. A kept-alive one stays where it is until it is told to close, as behind a load balancer. */
  readonly port: () => number;
  readonly host?: string;
  /** One after the other. */
  readonly paths: readonly string[];
  /** Loops on kept-alive connections. Default 3. */
  readonly kept?: number;
  /** Loops that open a connection per request. Default 1. */
  readonly fresh?: number;
  /** Between two requests of a loop: two cores have other work too. Default 1. */
  readonly pauseMs?: number;
}

export interface LoadResult {
  readonly sent: number;
  /** A status or an error code, and when, in ms since the start. */
  readonly failures: readonly string[];
  /** The slowest request. */
  readonly longestMs: number;
}

export interface Load {
  readonly sent: () => number;
  readonly failures: readonly string[];
  /** Resolves when that many more requests have been answered. */
  readonly more: (count: number) => Promise<void>;
  readonly stop: () => Promise<LoadResult>;
}

/** Requests without end. Everything but a 200 is a failure; nothing is tried again. */
export function startLoad(options: LoadOptions): Load {
  const { port, host = "example.com", paths, kept = 3, fresh = 1, pauseMs = 1 } = options;
  const startedMs = performance.now();
  const failures: string[] = [];
  let sent = 0;
  let answered = 0;
  let longestMs = 0;
  let running = true;

  /** Resolves with whether the connection may be used again. */
  async function one(to: number, agent: http.Agent | undefined): Promise<boolean> {
    const path = paths[sent++ % paths.length] ?? "/";
    const beganMs = performance.now();
    const fail = (what: string) => failures.push(`${what} ${path} on ${to} at ${Math.round(beganMs - startedMs)} ms`);
    let reusable = false;
    try {
      const { status, headers } = await send(to, path, { host, ...(agent === undefined ? {} : { agent }) });
      reusable = agent !== undefined && headers.connection !== "close";
      if (status !== 200) fail(String(status));
    } catch (error) {
      fail((error as NodeJS.ErrnoException).code ?? String(error));
    }
    answered++;
    longestMs = Math.max(longestMs, performance.now() - beganMs);
    return reusable;
  }

  async function loop(isKept: boolean): Promise<void> {
    const agent = isKept ? new http.Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
    let current: number | undefined;
    while (running) {
      current ??= port();
      if (!(await one(current, agent))) current = undefined;
      if (pauseMs > 0) await sleep(pauseMs);
    }
    agent?.destroy();
  }

  const loops = [...Array<boolean>(kept).fill(true), ...Array<boolean>(fresh).fill(false)].map(loop);
  return {
    sent: () => sent,
    failures,
    more: async (count) => {
      const target = answered + count;
      while (answered < target) await sleep(5);
    },
    stop: async () => {
      running = false;
      await Promise.all(loops);
      return { sent, failures, longestMs: Math.round(longestMs) };
    },
  };
}
