/** A request, and what the gateway has made of it by the time that it looks for a route. */
import type { Listener } from "../../ir/types.ts";
import { type HeaderValues, routedHeaders } from "./headers.ts";
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
  /** Address of the client. Default: 127.0.0.1. */
  readonly client?: string | undefined;
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
  /** Pseudo-headers are among them. */
  readonly headers: HeaderValues;
  readonly queryParameters: ReadonlyMap<string, string>;
  readonly random: number;
}

/** Why Envoy answers 400 before it looks for a route. */
export type Refusal = PathRefusal | "a header with an underscore" | "an HTTP/1.1 request without a host";

/** @param secure the connection has TLS */
export function arrive(request: Request, listener: Listener, secure: boolean): Arrived | { readonly refused: Refusal } {
  const { connectionManager: settings, port } = listener;
  const normalized = normalizePath(request.path, settings);
  if (normalized.kind === "refused") return { refused: normalized.because };
  const authority =
    settings.stripMatchingHostPort === true ? withoutOwnPort(request.authority, port) : request.authority;
  if (authority === "") return { refused: "an HTTP/1.1 request without a host" };
  if (settings.headersWithUnderscores === "REJECT_REQUEST" && request.headers.some(([name]) => name.includes("_")))
    return { refused: "a header with an underscore" };
  const headers = routedHeaders(request.headers, { listener, secure, client: request.client ?? "127.0.0.1" });
  headers.set(":method", [request.method]);
  headers.set(":path", [normalized.path]);
  headers.set(":authority", [authority]);
  headers.set("host", [authority]); // Envoy reads the one name as the other
  headers.set(":scheme", headers.get("x-forwarded-proto") ?? []);
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

/** Envoy's `strip_matching_host_port`: only the Listener's own. */
function withoutOwnPort(authority: string, port: number): string {
  return authority.endsWith(`:${port}`) ? authority.slice(0, -`:${port}`.length) : authority;
}

/** Envoy cuts after the last colon, be there a number or not, unless it is inside of an IPv6 address. */
export function withoutAnyPort(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon === -1 || authority.lastIndexOf("]") > colon ? authority : authority.slice(0, colon);
}
