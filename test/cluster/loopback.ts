import { randomInt } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:net";

/** A TCP port of 127.0.0.1 that nobody listens on. It lies below the kernel's range for outgoing connections (from 32768
 *  on Linux) and below NodePorts (from 30000), so that nobody takes it while the API server is down between two starts. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(20_000, 30_000);
    if (await canListen(port)) return port;
  }
  throw new Error("found no free port between 20000 and 29999 on 127.0.0.1 in 100 attempts");
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: "127.0.0.1", port });
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own. Not `fetch`: its pool would keep sockets open past the end of a test, and it
 *  takes no certificate authority. Without `ca` a server's certificate is not checked (its file is not there before the
 *  first start). Rejects when the server cannot be reached or is silent for 5 s. */
export function request(
  url: string,
  options: { readonly body?: unknown; readonly token?: string; readonly ca?: string } = {},
): Promise<Answer> {
  const { body, token, ca } = options;
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = send(
      url,
      {
        agent: false,
        method: body === undefined ? "GET" : "POST",
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        timeout: 5_000,
        ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.on("timeout", () => sent.destroy(new Error(`${url} did not answer within 5 s`)));
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
