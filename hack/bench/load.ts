/** A steady load on Envoy from a process of its own: loops over kept-alive connections, each with one request at a time. */
import type net from "node:net";
import { serve } from "./child.ts";
import { connect, ReplyReader, requestText } from "./http.ts";
import { quantile, rounded } from "./statistics.ts";

export interface LoadOptions {
  readonly port: number;
  readonly authority: string;
  readonly paths: readonly string[];
  readonly connections: number;
  /** Between an answer and the next request of a connection. 0: at once. */
  readonly thinkMs: number;
  /** Of the connections so many are made anew for each request. */
  readonly anew: number;
}

export interface LoadResult {
  readonly requests: number;
  /** By what went wrong: a status, or an error's code. */
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Not every latency of millions is kept. */
const maxLatencies = 200_000;

let stopping = false;
let result: Promise<LoadResult> | undefined;

async function run(options: LoadOptions): Promise<LoadResult> {
  const failures: Record<string, number> = {};
  const latencies: number[] = [];
  let requests = 0;
  const fail = (what: string) => (failures[what] = (failures[what] ?? 0) + 1);
  const one = async (connection: Connection, path: string): Promise<void> => {
    requests++;
    const startedMs = performance.now();
    const outcome = await connection.request(path);
    const tookMs = performance.now() - startedMs;
    if (outcome !== "200") fail(outcome);
    if (latencies.length < maxLatencies) latencies.push(tookMs);
    else latencies[Math.floor(Math.random() * maxLatencies)] = tookMs;
  };
  const loop = async (index: number): Promise<void> => {
    const isAnew = index < options.anew;
    let connection = new Connection(options);
    for (let turn = index; !stopping; turn++) {
      await one(connection, options.paths[turn % options.paths.length] ?? "/");
      if (isAnew || connection.isClosed) {
        connection.close();
        connection = new Connection(options);
      }
      if (options.thinkMs > 0) await new Promise((done) => setTimeout(done, options.thinkMs));
    }
    connection.close();
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: options.connections }, (_, index) => loop(index)));
  return {
    requests,
    failures,
    seconds: rounded((performance.now() - startedMs) / 1000),
    p50Ms: rounded(quantile(latencies, 0.5)),
    p99Ms: rounded(quantile(latencies, 0.99)),
  };
}

class Connection {
  readonly #socket: net.Socket;
  readonly #authority: string;
  readonly #reader = new ReplyReader();
  #settle: ((outcome: string) => void) | undefined;
  isClosed = false;

  constructor({ port, authority }: LoadOptions) {
    this.#authority = authority;
    this.#socket = connect({ port, authority });
    this.#socket.setEncoding("latin1");
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    this.#socket.on("close", () => this.#end("closed"));
    this.#socket.on("data", (chunk: string) => {
      for (const { status } of this.#reader.push(chunk)) this.#finish(String(status));
    });
  }

  request(path: string): Promise<string> {
    if (this.isClosed) return Promise.resolve("closed");
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#socket.write(requestText(path, this.#authority));
    });
  }

  close(): void {
    this.isClosed = true;
    this.#socket.destroy();
  }

  #end(outcome: string): void {
    this.isClosed = true;
    this.#finish(outcome);
  }

  #finish(outcome: string): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(outcome);
  }
}

function start(options: LoadOptions): void {
  stopping = false;
  result = run(options);
}

async function stop(): Promise<LoadResult> {
  stopping = true;
  if (result === undefined) throw new Error("not started");
  return result;
}

const methods = { start, stop: (_: undefined) => stop() };
export type LoadMethods = typeof methods;
serve(methods);
