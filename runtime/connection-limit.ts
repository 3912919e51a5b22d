import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";

interface Connection {
  /** Of TLS, once that is there: it takes the connection over. */
  socket: Socket;
  hasAsked: boolean;
  /** Requests that are being read or answered. */
  asking: number;
}

/**
 * Lets newcomers in at any time, and keeps the number of connections by closing others: the oldest of those that have never asked
 * anything, else the one that asked least recently, else the oldest. A server that turns newcomers away (`maxConnections`) lets whoever
 * fills it with silent connections keep kubelet's probes out, and so have the container restarted.
 */
export function limitConnections(server: Server | HttpsServer, most: number): void {
  /** By address and port of the other side: TCP's socket and TLS's are different objects. The one that asked last comes last. */
  const connections = new Map<string, Connection>();
  const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress ?? ""} ${remotePort ?? ""}`;

  server.on("connection", (socket: Socket) => {
    const key = keyOf(socket);
    const connection: Connection = { socket, hasAsked: false, asking: 0 };
    connections.set(key, connection);
    socket.once("close", () => {
      if (connections.get(key) === connection) connections.delete(key);
    });
    if (connections.size <= most) return;
    const others = [...connections].filter(([other]) => other !== key);
    const [unwanted] =
      others.find(([, { hasAsked }]) => !hasAsked) ?? others.find(([, { asking }]) => asking === 0) ?? others[0] ?? [];
    if (unwanted === undefined) return;
    connections.get(unwanted)?.socket.destroy();
    connections.delete(unwanted);
  });
  server.on("secureConnection", (socket: Socket) => {
    const connection = connections.get(keyOf(socket));
    if (connection === undefined) socket.destroy();
    else connection.socket = socket;
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const key = keyOf(socket);
    const connection = connections.get(key);
    if (connection === undefined) return;
    connections.delete(key);
    connections.set(key, connection);
    connection.hasAsked = true;
    connection.asking++;
    response.once("close", () => void connection.asking--);
  });
  // A burst is accepted before the first of it is seen.
  server.maxConnections = 4 * most;
}
