import http from "node:http";
import type { AddressInfo } from "node:net";

/** A small HTTP server on loopback that a Mapping can route to. */
export interface Backend {
  readonly name: string;
  readonly port: number;
  /** Open connections are cut. */
  close(): Promise<void>;
}

export type Answer = (request: http.IncomingMessage) => unknown;

/** Proverbs: nobody's property. */
const quotes = [
  "A stitch in time saves nine.",
  "All roads lead to Rome.",
  "Don't shoot the messenger.",
  "Look before you leap.",
  "Many hands make light work.",
  "No news is good news.",
  "The road to a friend's house is never long.",
  "Where there is a will, there is a way.",
];

export const quote: Answer = () => ({
  server: "quote",
  quote: quotes[Math.floor(Math.random() * quotes.length)],
  time: new Date().toISOString(),
});

/** Says what arrived: what a Mapping did to the request can be seen in it. */
export const hello =
  (server: string): Answer =>
  ({ method, url, headers }) => ({ server, method, path: url, headers });

/** Listens on the port, or on a free one when that is taken. Every answer is JSON. */
export async function startBackend(name: string, port: number, answer: Answer): Promise<Backend> {
  const server = http.createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify(answer(request), undefined, 2)}\n`);
  });
  // Envoy keeps its connections; one that is closed from here while a request is on its way would be a 503.
  server.keepAliveTimeout = 0;
  await listen(server, port).catch(() => listen(server, 0));
  return {
    name,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: http.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
