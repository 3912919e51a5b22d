import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { send } from "./client.ts";

export interface LoadOptions {
  /** Where the next connection goes. A kept-alive one stays where it is until it is told to close, as behind a load balancer. */
  readonly port: () => number;
  /** Likewise. Default: 127.0.0.1. */
  readonly address?: () => string;
  readonly host?: string;
  /** One after the other. */
  readonly paths: readonly string[];
  /** Loops on kept-alive connections. Default 3. */
  readonly kept?: number;
  /** Loops that open a connection per request. Default 1. */
  readonly fresh?: number;
  /** Loops on HTTP/2 connections, in cleartext. Default 0. */
  readonly http2?: number;
  /** For TLS, with this name; not for HTTP/2. */
  readonly servername?: string;
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

const answerWithinMs = 10_000;

interface Place {
  readonly address: string;
  readonly port: number;
}

/** Requests without end. Everything but a 200 is a failure; nothing is tried again. */
export function startLoad(options: LoadOptions): Load {
  const { port, address = () => "127.0.0.1", host = "example.com", paths, pauseMs = 1 } = options;
  const { kept = 3, fresh = 1, http2: multiplexed = 0, servername } = options;
  const startedMs = performance.now();
  const failures: string[] = [];
  let sent = 0;
  let answered = 0;
  let longestMs = 0;
  let running = true;

  /** Counts one request; `ask` resolves with its status. */
  async function counted(to: Place, ask: (path: string) => Promise<number>): Promise<void> {
    const path = paths[sent++ % paths.length] ?? "/";
    const beganMs = performance.now();
    const fail = (what: string) =>
      failures.push(`${what} ${path} on ${to.address}:${to.port} at ${Math.round(beganMs - startedMs)} ms`);
    try {
      const status = await ask(path);
      if (status !== 200) fail(String(status));
    } catch (error) {
      fail((error as NodeJS.ErrnoException).code ?? String(error));
    }
    answered++;
    longestMs = Math.max(longestMs, performance.now() - beganMs);
  }

  async function loop(isKept: boolean): Promise<void> {
    const agentOptions = { keepAlive: true, maxSockets: 1 };
    const agent = !isKept ? undefined : new (servername === undefined ? http.Agent : https.Agent)(agentOptions);
    let current: Place | undefined;
    while (running) {
      const to = (current ??= { address: address(), port: port() });
      let reusable = false;
      await counted(to, async (path) => {
        const { status, headers } = await send(to.port, path, {
          ...{ host, address: to.address },
          ...(agent === undefined ? {} : { agent }),
          ...(servername === undefined ? {} : { tls: { servername } }),
        });
        reusable = agent !== undefined && headers.connection !== "close";
        return status;
      });
      if (!reusable) current = undefined;
      if (pauseMs > 0) await sleep(pauseMs);
    }
    agent?.destroy();
  }

  async function multiplexedLoop(): Promise<void> {
    let session: { readonly to: Place; readonly connection: http2.ClientHttp2Session } | undefined;
    while (running) {
      if (session === undefined || session.connection.closed || session.connection.destroyed) {
        const to = { address: address(), port: port() };
        const connection = http2.connect(`http://${to.address}:${to.port}`);
        connection.on("error", () => undefined); // the request has it too
        // What is on its way is finished on it; what comes next goes elsewhere.
        connection.on("goaway", () => (session = undefined));
        session = { to, connection };
      }
      const { to, connection } = session;
      await counted(to, (path) => ask(connection, path, host));
      if (pauseMs > 0) await sleep(pauseMs);
      if (session?.connection !== connection) connection.close();
    }
    session?.connection.close();
  }

  const loops = [
    ...Array<boolean>(kept).fill(true).map(loop),
    ...Array<boolean>(fresh).fill(false).map(loop),
    ...Array.from({ length: multiplexed }, multiplexedLoop),
  ];
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

function ask(session: http2.ClientHttp2Session, path: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path, ":authority": host });
    let status = 0;
    let isWhole = false;
    stream.on("response", (headers) => (status = headers[":status"] ?? 0));
    stream.on("end", () => (isWhole = true));
    stream.on("error", reject);
    // A session that is cut closes its streams without an error of theirs.
    const cut = Object.assign(new Error(`${path}: the session was cut`), { code: "ECONNRESET" });
    stream.on("close", () => (isWhole && status !== 0 ? resolve(status) : reject(cut)));
    stream.setTimeout(answerWithinMs, () =>
      stream.destroy(new Error(`${path}: no answer within ${answerWithinMs} ms`)),
    );
    stream.resume();
  });
}
