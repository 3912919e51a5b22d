/** Between the API server and the webhook's process, in kube-proxy's place. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Scope } from "../bench/session.ts";

export interface Relay {
  readonly port: number;
  /** Ends every connection: the next request makes a new one, with a handshake. */
  cut(): void;
  /** How many connections were made through it, ever. */
  connections(): number;
}

export async function startRelay(scope: Scope, to: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const cut = () => sockets.forEach((socket) => socket.destroy());
  const server = createServer((incoming) => {
    connections++;
    const outgoing = connect(to, "127.0.0.1");
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.close();
    cut();
  });
  return { port: (server.address() as AddressInfo).port, cut, connections: () => connections };
}
