import http from "node:http";
import https from "node:https";
import type { TLSSocket } from "node:tls";
import type { Echo } from "./backend.ts";

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The request as the backend saw it. Throws when no backend answered. */
  echo(): Echo;
  /** Of the certificate that was served, upper-case hex; empty without TLS. */
  readonly serial: string;
  readonly tlsVersion: string | null;
}

export interface SendOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: example.com. */
  readonly host?: string;
  /** Present: TLS, with these settings. Without `servername` no SNI is sent. Certificates are not verified: tests look at the serial. */
  readonly tls?: https.RequestOptions;
  /** Default: a connection of its own. */
  readonly agent?: http.Agent;
  readonly timeoutMs?: number;
}

/** One request to a port of 127.0.0.1. Rejects on connection errors, those of TLS included. */
export function send(port: number, path: string, options: SendOptions = {}): Promise<Answer> {
  const { method = "GET", headers = {}, host = "example.com", tls, agent = false, timeoutMs = 10_000 } = options;
  const common = { host: "127.0.0.1", port, path, method, headers: { host, ...headers }, agent, timeout: timeoutMs };
  return new Promise((resolve, reject) => {
    const onResponse = (response: http.IncomingMessage) => {
      const chunks: Buffer[] = [];
      const { serial, version } = tls === undefined ? { serial: "", version: null } : served(response.socket as TLSSocket);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        const { statusCode: status = 0, headers: got } = response;
        resolve({ status, headers: got, body, echo: () => echoOf(status, body), serial, tlsVersion: version });
      });
    };
    const request =
      tls === undefined
        ? http.request(common, onResponse)
        : https.request({ ...common, rejectUnauthorized: false, servername: "", ...tls }, onResponse);
    request.on("timeout", () => request.destroy(new Error(`${path}: no answer within ${timeoutMs} ms`)));
    request.on("error", reject);
    request.end();
  });
}

function served(socket: TLSSocket): { readonly serial: string; readonly version: string | null } {
  return { serial: socket.getPeerCertificate().serialNumber, version: socket.getProtocol() };
}

function echoOf(status: number, body: string): Echo {
  try {
    return JSON.parse(body) as Echo;
  } catch {
    throw new Error(`no backend answered: ${status} ${body}`);
  }
}
