import { Agent, createServer, request as httpRequest } from "node:http";
import type { Reply } from "./envoy.ts";

export interface Backend {
  readonly port: number;
  close(): Promise<void>;
}

/** Answers every request with 200 and `name`. */
export function startBackend(name: string): Promise<Backend> {
  const server = createServer((_request, response) => response.end(name));
  // Envoy keeps connections to it; a backend that closes idle ones would lose requests for reasons of its own.
  server.keepAliveTimeout = 0;
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address !== "object" || address === null) return fail(new Error("no port"));
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      done({ port: address.port, close });
    });
  });
}

export interface GetOptions {
  readonly host?: string;
  readonly agent?: Agent;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request to a listener on loopback. Rejects on connection errors. */
export function get(
  port: number,
  path: string,
  { host = "example.com", agent, headers }: GetOptions = {},
): Promise<Reply> {
  return new Promise((done, fail) => {
    const options = { host: "127.0.0.1", port, path, headers: { host, ...headers }, agent: agent ?? false } as const;
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () =>
        done({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), headers: response.headers }),
      );
    });
    request.on("error", fail);
    request.end();
  });
}

export interface Load {
  /** Requests so far, and what went wrong: a status or an error code, with how often. */
  readonly sent: number;
  readonly failures: ReadonlyMap<string, number>;
}

/** Requests in `loops` endless loops over kept-alive connections, until stopped. */
export function startLoad(port: number, path: string, loops = 4): { stop(): Promise<Load>; sent(): number } {
  const agent = new Agent({ keepAlive: true, maxSockets: loops });
  const failures = new Map<string, number>();
  let sent = 0;
  let running = true;
  const fail = (what: string) => failures.set(what, (failures.get(what) ?? 0) + 1);
  const loop = async () => {
    while (running) {
      sent++;
      const reply = await get(port, path, { agent }).catch((error: NodeJS.ErrnoException) =>
        fail(error.code ?? error.message),
      );
      if ("status" in Object(reply)) {
        const { status } = reply as Reply;
        if (status !== 200) fail(String(status));
      }
    }
  };
  const all = Array.from({ length: loops }, loop);
  return {
    sent: () => sent,
    stop: async () => {
      running = false;
      await Promise.all(all);
      agent.destroy();
      return { sent, failures };
    },
  };
}
