import http from "node:http";
import type { AddressInfo } from "node:net";
import { makeWay, MAX_SOCKET_PATH_BYTES } from "../xds/server/socket.ts";
import { limitConnections } from "./connection-limit.ts";
import { errorCode, errorText, FatalError } from "./fatal.ts";
import type { Log } from "./log.ts";

export type AdminPlace =
  /** 0.0.0.0 in a cluster, for kubelet's probes; 127.0.0.1 standalone. Port 0: any free one, for tests. */
  | { readonly address: string; readonly port: number }
  /** A Unix socket in a directory that nobody else may enter: of a control plane, behind its supervisor. */
  | { readonly path: string };

export interface AdminServer {
  /** 0 for a socket. */
  readonly port: number;
  /** Open connections are cut. */
  close(): Promise<void>;
}

export type AdminAnswer = (request: http.IncomingMessage, response: http.ServerResponse) => Promise<void>;

/** Opens the admin port, with limits. A FatalError when it is taken. */
export async function openAdminPort(place: AdminPlace, answer: AdminAnswer, log: Log): Promise<AdminServer> {
  // Headers of at most 8 KiB, whole requests within 10 s: this port is reachable from outside of the Pod.
  const limits = {
    maxHeaderSize: 8192,
    headersTimeout: 5000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 5000,
  };
  const server = http.createServer(limits, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A reader that went away is its own affair.
      if (!response.destroyed)
        log.warn("a request to the admin port failed", { path: request.url, reason: errorText(error) });
      response.destroy();
    });
  });
  if (!("path" in place)) limitConnections(server, 256);
  // A client that does not read what it asked for.
  server.timeout = 30_000;
  if ("path" in place) await makeWay(place.path, MAX_SOCKET_PATH_BYTES);
  await listen(server, place);
  server.on("error", (error) => log.warn("admin port", { reason: error.message }));
  return {
    port: "path" in place ? 0 : (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: http.Server, place: AdminPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(new FatalError(listenAdvice(errorCode(error), place) ?? error.message));
    server.once("error", refuse);
    server.listen("path" in place ? { path: place.path } : { host: place.address, port: place.port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}

function listenAdvice(code: string | undefined, place: AdminPlace): string | undefined {
  if ("path" in place) return undefined;
  const { address, port } = place;
  const what = `the admin port ${port} (/healthz, /readyz, /metrics)`;
  if (code === "EADDRINUSE")
    return `${what} is held by another process; end that one, or choose another port with --admin-port`;
  if (code === "EACCES") return `${what} may not be bound by this user; choose one from 1024 up with --admin-port`;
  if (code === "EADDRNOTAVAIL")
    return `${what} cannot be bound: ${address} is no address of this machine; see AMBASSADOR_HEALTHCHECK_BIND_ADDRESS`;
  return undefined;
}
