import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { hostAddress } from "../../cluster/host-address.ts";

/** A request as a backend saw it; what it answers, as JSON. */
export interface Echo {
  readonly backend: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Common name of the client certificate, if one came and was verified. */
  readonly client?: string | undefined;
}

export interface Backend {
  readonly name: string;
  /** One that EndpointSlices accept. */
  readonly address: string;
  readonly port: number;
  /** How many requests it got. */
  count(): number;
  /** How many requests wait for their delayed answer. */
  waiting(): number;
  /** Forgets the requests so far. */
  reset(): void;
  close(): Promise<void>;
}

export interface BackendTls {
  readonly cert: string;
  readonly key: string;
  /** PEM; with it a client certificate is demanded. */
  readonly clientAuthority?: string;
}

/** A backend on an address that EndpointSlices accept. `x-answer-delay-ms` in a request delays its answer. */
export async function startBackend(name: string, tls?: BackendTls): Promise<Backend> {
  let count = 0;
  let waiting = 0;
  const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    count++;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]));
    const client = tls === undefined ? undefined : commonNameOf(request.socket as TLSSocket);
    const echo: Echo = { backend: name, method: request.method ?? "", url: request.url ?? "", headers, client };
    const send = () => response.end(JSON.stringify(echo));
    const delayMs = Number(headers["x-answer-delay-ms"] ?? 0);
    response.setHeader("content-type", "application/json");
    if (delayMs === 0) return void send();
    waiting++;
    setTimeout(() => {
      waiting--;
      send();
    }, delayMs);
  };
  const server = tls === undefined ? http.createServer(answer) : https.createServer(tlsOptions(tls), answer);
  // Envoy keeps connections to it; a backend that closes idle ones would lose requests for reasons of its own.
  server.keepAliveTimeout = 0;
  server.listen(0, hostAddress());
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  return {
    name,
    address,
    port,
    count: () => count,
    waiting: () => waiting,
    reset: () => (count = 0),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function tlsOptions({ cert, key, clientAuthority }: BackendTls): https.ServerOptions {
  const authority = clientAuthority === undefined ? {} : { ca: clientAuthority, requestCert: true };
  return { cert, key, rejectUnauthorized: clientAuthority !== undefined, ...authority };
}

function commonNameOf(socket: TLSSocket): string | undefined {
  const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } };
  return subject?.CN;
}
