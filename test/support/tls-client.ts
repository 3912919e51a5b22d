import http2 from "node:http2";
import https from "node:https";
import type tls from "node:tls";

export interface TlsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  /** Of the server's certificate, upper-case hex. */
  readonly serial: string;
  /** The connection's own, which tells connections apart. */
  readonly localPort: number;
}

export interface TlsRequest {
  readonly port: number;
  /** Host header; default: the server name. */
  readonly host?: string;
  /** SNI; none where it is undefined. */
  readonly servername: string | undefined;
  readonly path?: string;
  readonly agent?: https.Agent;
  readonly tls?: tls.ConnectionOptions;
}

/** One request by HTTP/1.1 over TLS. The server's certificate is taken as it is. Rejects where the handshake fails. */
export function requestTls(request: TlsRequest): Promise<TlsAnswer> {
  const { port, servername, host = servername ?? "nobody", path = "/", agent, tls: more } = request;
  return new Promise((done, fail) => {
    const outgoing = https.request(
      {
        host: "127.0.0.1",
        port,
        path,
        headers: { host },
        agent: agent ?? false,
        rejectUnauthorized: false,
        // "" sends none; left out, Node takes the Host header's.
        servername: servername ?? "",
        ...more,
      },
      (response) => {
        // Asked here: afterwards the socket is another request's.
        const socket = response.socket as tls.TLSSocket;
        const serial = socket.getPeerCertificate().serialNumber;
        const localPort = socket.localPort ?? 0;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const { statusCode: status = 0, headers } = response;
          done({ status, headers, body: Buffer.concat(chunks).toString(), serial, localPort });
        });
      },
    );
    outgoing.setTimeout(10_000, () => outgoing.destroy(new Error("no answer")));
    outgoing.on("error", fail);
    outgoing.end();
  });
}

/** Statuses of requests for several hosts on one HTTP/2 connection. */
export async function statusesHttp2(
  port: number,
  servername: string,
  authorities: readonly string[],
  options: tls.ConnectionOptions = {},
): Promise<readonly number[]> {
  const session = http2.connect(`https://127.0.0.1:${port}`, { servername, rejectUnauthorized: false, ...options });
  try {
    const statuses: number[] = [];
    for (const authority of authorities) {
      statuses.push(
        await new Promise<number>((done, fail) => {
          session.once("error", fail);
          const stream = session.request({ ":path": "/", ":authority": authority });
          stream.on("response", (headers) => done(headers[":status"] ?? 0));
          stream.on("error", fail);
          stream.resume();
        }),
      );
    }
    return statuses;
  } finally {
    session.destroy();
  }
}
