/** A request, and what the gateway has made of it by the time that it looks for a route. */
import type { Listener } from "../../ir/types.ts";
import { normalizePath, type PathRefusal, queryParametersOf, withoutQuery } from "./path.ts";

export interface Request {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** The Host header: a name or an address, with a port if the client writes one. */
  readonly authority: string;
  /** With its query; as the client sends it. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The name that the client asks for in the TLS handshake. Default: the authority without its port, unless that is an address. */
  readonly serverName?: string | undefined;
  /** The Listener's port; undefined: that of a Listener which serves the scheme. */
  readonly port?: number | undefined;
  /** What Envoy draws for weights, 0 to 99. Default: 0. */
  readonly random?: number | undefined;
}

/** The request as routes see it. */
export interface Arrived {
  readonly method: string;
  readonly authority: string;
  /** Normalized, with its query. */
  readonly path: string;
  readonly barePath: string;
  /** By lower-case name; of several with one name the values are joined. Pseudo-headers are among them. */
  readonly headers: ReadonlyMap<string, string>;
  readonly queryParameters: ReadonlyMap<string, string>;
  readonly random: number;
}

/** Why Envoy answers 400 before it looks for a route. */
export type Refusal = PathRefusal | "a header with an underscore" | "an HTTP/1.1 request without a host";

/** The connection is over before routes are looked for: they never see these. */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "transfer-encoding"];

/** @param secure the connection has TLS */
export function arrive(request: Request, listener: Listener, secure: boolean): Arrived | { readonly refused: Refusal } {
  const { connectionManager: settings, port } = listener;
  const normalized = normalizePath(request.path, settings);
  if (normalized.kind === "refused") return { refused: normalized.because };
  const authority =
    settings.stripMatchingHostPort === true ? withoutOwnPort(request.authority, port) : request.authority;
  if (authority === "") return { refused: "an HTTP/1.1 request without a host" };
  const headers = new Map<string, string>();
  for (const [written, value] of request.headers) {
    const name = written.toLowerCase();
    if (name.includes("_")) {
      if (settings.headersWithUnderscores === "REJECT_REQUEST") return { refused: "a header with an underscore" };
      if (settings.headersWithUnderscores === "DROP_HEADER") continue;
    }
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value.trim() : `${earlier},${value.trim()}`);
  }
  setOwnHeaders(headers, listener, secure);
  headers.set(":method", request.method);
  headers.set(":path", normalized.path);
  headers.set(":authority", authority);
  headers.set("host", authority); // Envoy reads the one name as the other
  headers.set(":scheme", headers.get("x-forwarded-proto") ?? (secure ? "https" : "http"));
  return {
    method: request.method,
    authority,
    path: normalized.path,
    barePath: withoutQuery(normalized.path),
    headers,
    queryParameters: queryParametersOf(normalized.path),
    random: request.random ?? 0,
  };
}

/** Headers that the gateway sets or takes away itself. Source: Envoy, conn_manager_utility.cc, mutateRequestHeaders. */
function setOwnHeaders(
  headers: Map<string, string>,
  { connectionManager, trustedHops }: Listener,
  secure: boolean,
): void {
  const { useRemoteAddress, forwardClientCertificate = "SANITIZE" } = connectionManager;
  for (const name of HOP_BY_HOP) headers.delete(name);
  const isTrusted = !useRemoteAddress || trustedHops > 0;
  if (!isTrusted || !headers.has("x-forwarded-proto")) headers.set("x-forwarded-proto", secure ? "https" : "http");
  if (forwardClientCertificate === "SANITIZE") headers.delete("x-forwarded-client-cert");
}

/** Envoy's `strip_matching_host_port`: only the Listener's own. */
function withoutOwnPort(authority: string, port: number): string {
  return authority.endsWith(`:${port}`) ? authority.slice(0, -`:${port}`.length) : authority;
}

/** Envoy cuts after the last colon, be there a number or not, unless it is inside of an IPv6 address. */
export function withoutAnyPort(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon === -1 || authority.lastIndexOf("]") > colon ? authority : authority.slice(0, colon);
}
