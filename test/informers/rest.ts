import { Agent, request } from "node:https";
import type { Cluster } from "../cluster/cluster.ts";

/** Writes to the API server in milliseconds, where kubectl takes 100. */
export interface Rest {
  create(path: string, object: unknown): Promise<unknown>;
  /** A JSON merge patch; resolves when the API server has answered. */
  patch(path: string, change: unknown): Promise<unknown>;
  remove(path: string): Promise<unknown>;
  close(): void;
}

export function rest({ serverUrl, token, certificateAuthority }: Cluster): Rest {
  const agent = new Agent({ keepAlive: true, maxSockets: 16, ca: certificateAuthority });

  function send(method: string, path: string, body?: unknown): Promise<unknown> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const headers = { authorization: `Bearer ${token}`, "content-type": type };
    return new Promise((resolve, reject) => {
      const sent = request(serverUrl + path, { agent, method, headers, timeout: 10_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text));
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      sent.on("timeout", () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  return {
    create: (path, object) => send("POST", path, object),
    patch: (path, change) => send("PATCH", path, change),
    remove: (path) => send("DELETE", path),
    close: () => agent.destroy(),
  };
}
