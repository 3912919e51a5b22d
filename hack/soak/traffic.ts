/** Requests without end from a process of its own, over every kind of connection. Everything but a 200 is a lost request; nothing is
 *  tried again. */
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "../bench/child.ts";

export const protocols = ["http/1.1", "h2"] as const;

export interface Target {
  /** Of this stream of requests; counts are kept by it. */
  readonly name: string;
  readonly port: number;
  /** Present: TLS, with this server name. */
  readonly servername?: string;
  readonly authority: string;
  readonly paths: readonly string[];
  readonly protocol: (typeof protocols)[number];
  /** Each request has a connection of its own. */
  readonly anew: boolean;
  /** Between an answer and the next request. */
  readonly pauseMs: number;
}

export interface Progress {
  readonly requests: Readonly<Record<string, number>>;
  readonly lost: number;
  /** The first of them. */
  readonly examples: readonly string[];
}

/** What keeps a connection. */
interface Client {
  /** Resolves with the status. */
  get(path: string): Promise<number>;
  close(): void;
}

interface Stream {
  isStopping: boolean;
  ended: Promise<void>;
}

const timeoutMs = 15_000;
const mostExamples = 50;
const requests: Record<string, number> = {};
const examples: string[] = [];
const streams = new Map<string, Stream>();
let lost = 0;

function lose(target: Target, path: string, what: string): void {
  lost++;
  if (examples.length < mostExamples)
    examples.push(`${new Date().toISOString()} ${target.name} ${target.authority}:${target.port}${path}: ${what}`);
}

function http1({ port, servername, authority, anew }: Target): Client {
  const options = { keepAlive: true, maxSockets: 1 };
  const secure = servername === undefined ? {} : { servername, rejectUnauthorized: false };
  const agent = anew
    ? false
    : servername === undefined
      ? new http.Agent(options)
      : new https.Agent({ ...options, ...secure });
  const send = servername === undefined ? http.get : https.get;
  return {
    get: (path) =>
      new Promise((resolve, reject) => {
        const to = {
          host: "127.0.0.1",
          port,
          path,
          headers: { host: authority },
          agent,
          timeout: timeoutMs,
          ...secure,
        };
        const request = send(to, (response) => {
          response.on("error", reject);
          response.on("end", () => resolve(response.statusCode ?? 0));
          response.resume();
        });
        request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        request.on("error", reject);
      }),
    close: () => agent !== false && agent.destroy(),
  };
}

function http2Client({ port, servername, authority, anew }: Target): Client {
  let session: http2.ClientHttp2Session | undefined;
  const open = (): http2.ClientHttp2Session => {
    const scheme = servername === undefined ? "http" : "https";
    const options = servername === undefined ? {} : { servername, rejectUnauthorized: false };
    const opened = http2.connect(`${scheme}://127.0.0.1:${port}`, options);
    // Each request hears of it, too.
    opened.on("error", () => undefined);
    return opened;
  };
  return {
    get: (path) =>
      new Promise((resolve, reject) => {
        // A server that says GOAWAY has the next request come on another connection.
        const current = session === undefined || session.closed || session.destroyed ? open() : session;
        session = anew ? undefined : current;
        const stream = current.request({ ":path": path, ":authority": authority });
        let status = 0;
        stream.setTimeout(timeoutMs, () => stream.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        stream.on("response", (headers) => (status = headers[":status"] ?? 0));
        stream.on("error", reject);
        stream.on("close", () => {
          if (anew) current.close();
          if (status === 0) reject(new Error("closed without an answer"));
          else resolve(status);
        });
        stream.resume();
        stream.end();
      }),
    close: () => session?.destroy(),
  };
}

async function loop(target: Target, stream: Stream): Promise<void> {
  const client = target.protocol === "h2" ? http2Client(target) : http1(target);
  for (let turn = 0; !stream.isStopping; turn++) {
    const path = target.paths[turn % target.paths.length] ?? "/";
    requests[target.name] = (requests[target.name] ?? 0) + 1;
    try {
      const status = await client.get(path);
      if (status !== 200) lose(target, path, String(status));
    } catch (error) {
      lose(target, path, (error as NodeJS.ErrnoException).code ?? String(error));
    }
    await sleep(target.pauseMs);
  }
  client.close();
}

function start(target: Target): void {
  const stream: Stream = { isStopping: false, ended: Promise.resolve() };
  stream.ended = loop(target, stream);
  streams.set(target.name, stream);
}

/** Resolves when the last of its requests is answered. */
async function stop(name: string): Promise<void> {
  const stream = streams.get(name);
  if (stream === undefined) return;
  stream.isStopping = true;
  streams.delete(name);
  await stream.ended;
}

async function stopAll(): Promise<Progress> {
  await Promise.all([...streams.keys()].map(stop));
  return progress();
}

function progress(): Progress {
  return { requests, lost, examples };
}

const methods = { start, stop, stopAll: (_: undefined) => stopAll(), progress: (_: undefined) => progress() };
export type TrafficMethods = typeof methods;
serve(methods);
