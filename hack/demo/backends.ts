import http from "node:http";
import type { AddressInfo } from "node:net";

/** A small HTTP server that a Mapping can route to. Only this machine may call it. */
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

/** The services of the examples, with the ports that stand there. */
export const samples = [
  { name: "quote", port: 9001, answer: quote },
  { name: "hello", port: 9002, answer: hello("hello") },
  { name: "hello-next", port: 9003, answer: hello("hello-next") },
] as const;

export interface BackendOptions {
  readonly name: string;
  readonly port: number;
  readonly answer: Answer;
  /** Of this machine. Default: loopback. */
  readonly address?: string;
}

/** Listens on the port, or on a free one when that is taken. Every answer is JSON. */
export async function startBackend({ name, port, answer, address = "127.0.0.1" }: BackendOptions): Promise<Backend> {
  const server = http.createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify(answer(request), undefined, 2)}\n`);
  });
  // Envoy keeps its connections; one that is closed from here while a request is on its way would be a 503.
  server.keepAliveTimeout = 0;
  // On an address that other machines reach, too: what this machine sends there comes from there.
  server.on("connection", (socket) => {
    if (socket.remoteAddress !== address) socket.destroy();
  });
  await listen(server, address, port).catch(() => listen(server, address, 0));
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

function listen(server: http.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
