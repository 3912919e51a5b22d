import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What an API server may do and ours rarely does: the test answers each request itself. */
export interface FakeServer {
  readonly url: string;
  /** Of each request so far: `list limit=500`, `watch 12` (its resourceVersion). */
  readonly requests: string[];
  readonly stop: () => Promise<void>;
}

export interface Reply {
  /** A whole answer. */
  json(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void;
  /** The headers of a watch alone. */
  open(): void;
  /** A piece of a watch, as it is. */
  write(text: string | Buffer): void;
  /** Cuts the connection. */
  cut(): void;
}

export type Handler = (query: URLSearchParams, reply: Reply, nth: number) => void;

/** `onList` and `onWatch` are called with the number of such requests before this one. */
export async function fakeServer(onList: Handler, onWatch: Handler): Promise<FakeServer> {
  const requests: string[] = [];
  const counts = { list: 0, watch: 0 };
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://fake").searchParams;
    const isWatch = query.get("watch") === "true";
    const continued = query.get("continue");
    if (isWatch) requests.push(`watch ${query.get("resourceVersion")}`);
    else
      requests.push(`list limit=${query.get("limit") ?? "none"}${continued === null ? "" : ` continue=${continued}`}`);
    if (isWatch) onWatch(query, replyTo(response), counts.watch++);
    else onList(query, replyTo(response), counts.list++);
  });
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function replyTo(response: ServerResponse): Reply {
  return {
    json(status, body, headers = {}) {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    },
    open: () => response.flushHeaders(),
    write(text) {
      response.write(text);
    },
    cut: () => void response.destroy(),
  };
}

export interface FakeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

export function object(name: string, resourceVersion: number, uid = `uid-${name}`): FakeObject {
  return { metadata: { name, namespace: "ns", uid, resourceVersion: String(resourceVersion) } };
}

export function list(resourceVersion: number, items: readonly FakeObject[], next = "") {
  return { kind: "ConfigMapList", metadata: { resourceVersion: String(resourceVersion), continue: next }, items };
}

export function event(type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK", of: unknown): string {
  return `${JSON.stringify({ type, object: of })}\n`;
}

export function status(code: number, message: string) {
  return { kind: "Status", apiVersion: "v1", code, message };
}
