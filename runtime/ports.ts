import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import type { Problem } from "../ir/problem.ts";
import type { Listener } from "../ir/types.ts";
import { adminRequest } from "./envoy.ts";
import { errorCode } from "./fatal.ts";
import type { Place } from "./port-guard.ts";

/** Whether a process other than our Envoy listens there. What cannot be found out is left to Envoy to judge. */
export async function isHeldByOthers(
  { address, port, quic = false }: Place,
  envoyAdminSocketPath: string,
): Promise<boolean> {
  if (!(await (quic ? isTakenUdp : isTaken)(address, port))) return false;
  try {
    const { body } = await adminRequest(envoyAdminSocketPath, {
      method: "GET",
      path: "/listeners?format=json",
      timeoutMs: 2000,
    });
    // The port alone: an address can be written in several ways, and Envoy does not say whether it is TCP's or UDP's.
    return !portsOf(JSON.parse(body)).has(port);
  } catch {
    return false;
  }
}

/** By opening it for a moment, without SO_REUSEPORT: that fails beside every listener, whatever options it has. */
async function isTaken(address: string, port: number): Promise<boolean> {
  const server = net.createServer((socket) => socket.destroy());
  try {
    server.listen({ host: address, port, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    // Rights that only Envoy has, an address that this machine has not: Envoy's to say.
    return errorCode(error) === "EADDRINUSE";
  }
  server.close();
  await once(server, "close");
  return false;
}

async function isTakenUdp(address: string, port: number): Promise<boolean> {
  const socket = dgram.createSocket(net.isIPv6(address) ? "udp6" : "udp4");
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, "listening");
  } catch (error) {
    return errorCode(error) === "EADDRINUSE";
  }
  socket.close();
  await once(socket, "close");
  return false;
}

function portsOf(listeners: unknown): ReadonlySet<number> {
  const ports = new Set<number>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === "port_value" && typeof inner === "number") ports.add(inner);
      else visit(inner);
    }
  };
  visit(listeners);
  return ports;
}

export function portProblem({ port, source }: Listener): Problem {
  return {
    code: "PortConflict",
    severity: "error",
    object: source.object,
    path: [...source.path, "port"],
    message: `${port} is held by another process on this machine`,
    advice: "end that process, or choose another port; this Listener is opened as soon as its port is free",
  };
}
