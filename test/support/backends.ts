import http from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A server on a port of its own, or a given one, of a loopback address; the gateway can be told of it by `port`. */
export interface LocalServer {
  readonly address: string;
  readonly port: number;
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

export interface LocalServerOptions {
  readonly address?: string;
  readonly port?: number;
  /** Prepares the server, for example with a handler for upgrades. */
  readonly prepare?: (server: http.Server) => void;
}

/** Listens and answers by `handler`. Unlike `echoBackend` it can have any loopback address and sees its connections. */
export async function localServer(
  handler: http.RequestListener,
  { address = "127.0.0.1", port = 0, prepare }: LocalServerOptions = {},
): Promise<LocalServer> {
  const server = http.createServer(handler);
  server.keepAliveTimeout = 0;
  prepare?.(server);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(port, address, done);
  });
  return {
    address,
    port: (server.address() as AddressInfo).port,
    sockets,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Servers on one port of several addresses, as Pods have it; each answers its address. */
export async function pods(addresses: readonly string[]): Promise<readonly LocalServer[]> {
  const servers: LocalServer[] = [];
  for (const address of addresses) {
    const delayed = (request: http.IncomingMessage) => Number(request.headers["x-answer-delay-ms"] ?? 0);
    const answer: http.RequestListener = (request, response) =>
      setTimeout(() => response.end(address), delayed(request));
    servers.push(await localServer(answer, { address, port: servers[0]?.port ?? 0 }));
  }
  return servers;
}
