import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import tls, { type TLSSocket } from "node:tls";
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
  /** The client's end of the connection: equal ones are one connection. */
  readonly localPort: number | undefined;
}

export interface SendOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: example.com. */
  readonly host?: string;
  /** Where the gateway listens. Default: 127.0.0.1. */
  readonly address?: string;
  /** Present: TLS, with these settings. Without `servername` no SNI is sent. Certificates are not verified: tests look at the serial. */
  readonly tls?: https.RequestOptions;
  /** Default: a connection of its own. */
  readonly agent?: http.Agent;
  readonly timeoutMs?: number;
}

/** One request. Rejects on connection errors, those of TLS included. */
export function send(port: number, path: string, options: SendOptions = {}): Promise<Answer> {
  const {
    method = "GET",
    headers = {},
    host = "example.com",
    address = "127.0.0.1",
    tls: secure,
    agent = false,
    timeoutMs = 10_000,
  } = options;
  const common = { host: address, port, path, method, headers: { host, ...headers }, agent, timeout: timeoutMs };
  return new Promise((resolve, reject) => {
    const onResponse = (response: http.IncomingMessage) => {
      const chunks: Buffer[] = [];
      const { serial, version } =
        secure === undefined ? { serial: "", version: null } : served(response.socket as TLSSocket);
      const { localPort } = response.socket;
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        const { statusCode: status = 0, headers: got } = response;
        resolve({
          status,
          headers: got,
          body,
          echo: () => echoOf(status, body),
          serial,
          tlsVersion: version,
          localPort,
        });
      });
    };
    const request =
      secure === undefined
        ? http.request(common, onResponse)
        : https.request({ ...common, rejectUnauthorized: false, servername: "", ...secure }, onResponse);
    request.on("timeout", () => request.destroy(new Error(`${path}: no answer within ${timeoutMs} ms`)));
    request.on("error", reject);
    request.end();
  });
}

/** One request over HTTP/2; `alpn` is what the server chose of h2 and http/1.1. */
export async function sendHttp2(
  port: number,
  path: string,
  servername: string,
): Promise<{ readonly status: number; readonly alpn: string | undefined }> {
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, servername });
  try {
    const stream = session.request({ ":path": path, ":authority": servername });
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
    stream.resume();
    await once(stream, "end");
    return { status: headers[":status"] ?? 0, alpn: session.alpnProtocol };
  } finally {
    session.destroy();
  }
}

/** What the server chooses of h2 and http/1.1. */
export async function alpnOf(port: number, servername: string): Promise<string | false | null> {
  const options = { host: "127.0.0.1", port, servername, ALPNProtocols: ["h2", "http/1.1"], rejectUnauthorized: false };
  const socket = tls.connect(options);
  try {
    await once(socket, "secureConnect");
    return socket.alpnProtocol;
  } finally {
    socket.destroy();
  }
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
