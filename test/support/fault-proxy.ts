/** Stands between a client and a real API server, and makes that misbehave in ways which the real one cannot be asked for. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export type Misbehaviour =
  | { readonly kind: "none" }
  /** Every answer comes that much later. Watches that are open stay as they are. */
  | { readonly kind: "slow"; readonly delayMs: number }
  /** Every request is answered so, and watches that are open are cut. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number };

export interface FaultProxy {
  /** Plain HTTP; the client's credentials are passed on. */
  readonly url: string;
  readonly behave: (misbehaviour: Misbehaviour) => void;
  /** Watches that are open now stay open and say nothing any more. Returns how many there are. */
  readonly silence: () => number;
  /** Requests that met a misbehaviour, since the last call of `behave`. */
  readonly met: () => number;
  readonly close: () => Promise<void>;
}

export interface Upstream {
  readonly serverUrl: string;
  readonly certificateAuthority: string;
}

interface OpenWatch {
  readonly response: ServerResponse;
  silent: boolean;
}

export async function startFaultProxy({ serverUrl, certificateAuthority }: Upstream): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true, ca: certificateAuthority });
  const open = new Set<OpenWatch>();
  let misbehaviour: Misbehaviour = { kind: "none" };
  let met = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", serverUrl);
    const isWatch = url.searchParams.get("watch") === "true";
    if (misbehaviour.kind === "status") {
      met++;
      request.resume();
      return refuse(response, misbehaviour);
    }
    if (misbehaviour.kind === "slow") {
      met++;
      await sleep(misbehaviour.delayMs);
    }
    const watch: OpenWatch = { response, silent: false };
    if (isWatch) open.add(watch);
    response.on("close", () => open.delete(watch));
    const { method = "GET", headers } = request;
    const upstream = httpsRequest(url, { agent, method, headers: { ...headers, host: url.host } });
    upstream.on("response", (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      response.flushHeaders();
      answered.on("data", (chunk: Buffer) => watch.silent || response.write(chunk));
      answered.on("end", () => watch.silent || response.end());
      answered.on("error", () => watch.silent || response.destroy());
    });
    // As a server that is not there.
    upstream.on("error", () => watch.silent || response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  }

  const server = createServer((request, response) => void answer(request, response));
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behave(next) {
      misbehaviour = next;
      met = 0;
      if (next.kind === "status") for (const { response } of open) response.destroy();
    },
    silence() {
      for (const watch of open) watch.silent = true;
      return open.size;
    },
    met: () => met,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}

function refuse(response: ServerResponse, { status, retryAfterSeconds }: Extract<Misbehaviour, { kind: "status" }>) {
  const retryAfter = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  response.writeHead(status, { "content-type": "application/json", ...retryAfter });
  const message = "a fault, made on purpose";
  response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code: status, message }));
}
