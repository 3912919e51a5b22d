import net from "node:net";
import http from "node:http";
import type { AddressInfo } from "node:net";

/** Sends bytes as they are and returns all that comes back until the other side closes, or `enough` says so. */
export function rawRequest(
  port: number,
  text: string,
  enough: (answer: string) => boolean = () => false,
): Promise<string> {
  return new Promise((done, fail) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, "127.0.0.1", () => socket.write(text));
    const finish = () => {
      socket.destroy();
      done(Buffer.concat(chunks).toString("latin1"));
    };
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (enough(Buffer.concat(chunks).toString("latin1"))) finish();
    });
    socket.once("end", finish).once("error", (error) => {
      // An answer that came before the request was read whole may end in a reset.
      if (chunks.length === 0) fail(error);
      else finish();
    });
  });
}

/** A request by HTTP/1.1 after which the connection is closed; lines are header lines, written as given. */
export function rawGet(port: number, path: string, lines: readonly string[] = []): Promise<string> {
  return rawRequest(
    port,
    [`GET ${path} HTTP/1.1`, "Host: example.com", "Connection: close", ...lines, "", ""].join("\r\n"),
  );
}

export interface CaseBackend {
  readonly service: string;
  /** Names of the headers of the last request, with the case in which they came. */
  names(): readonly string[];
  close(): Promise<void>;
}

/** A backend that sees the case of header names, and answers with these. */
export async function caseBackend(headers: readonly [string, string][]): Promise<CaseBackend> {
  let last: readonly string[] = [];
  const server = http.createServer((request, response) => {
    last = request.rawHeaders.filter((_, index) => index % 2 === 0);
    response.writeHead(200, headers.flat()).end("ok");
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    service: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    names: () => last,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
