/** Request headers as routes see them. Measured on Envoy 1.40 with each of these names; see conn_manager_utility.cc too. */
import type { Listener } from "../../ir/types.ts";

/** By lower-case name, in the order in which they came. */
export type HeaderValues = ReadonlyMap<string, readonly string[]>;

/** Of these several values are one, with commas. Of all others each value is compared alone, and one that matches is enough. */
const JOINED: ReadonlySet<string> = new Set([
  ...["accept", "accept-encoding", "authentication", "authorization", "cache-control", "cdn-loop", "content-encoding"],
  ...["access-control-request-headers", "access-control-request-method", "access-control-request-private-network"],
  ...["content-type", "expect", "grpc-accept-encoding", "grpc-timeout", "if-match", "if-modified-since"],
  ...["if-none-match", "if-range", "if-unmodified-since", "origin", "pragma", "referer", "user-agent", "via"],
  ...["x-client-trace-id", "x-envoy-attempt-count", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port"],
]);

/** These end with the connection, unless they ask for another protocol. */
const UPGRADE = ["connection", "upgrade"];
const HOP_BY_HOP = ["keep-alive", "proxy-connection", "transfer-encoding"];

/** These are for proxies inside of the mesh to say, and clients are not believed. */
const INTERNAL = [
  ...["x-envoy-decorator-operation", "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node"],
  ...["x-envoy-expected-rq-timeout-ms", "x-envoy-force-trace", "x-envoy-hedge-on-per-try-timeout"],
  ...["x-envoy-internal", "x-envoy-ip-tags", "x-envoy-max-retries", "x-envoy-original-host", "x-envoy-original-path"],
  ...["x-envoy-retry-on", "x-envoy-upstream-alt-stat-name", "x-envoy-upstream-rq-timeout-ms"],
];

/** What the gateway makes for each request stands for any value. */
const MADE_HERE = "(made by the gateway)";

export interface Wire {
  readonly listener: Listener;
  readonly secure: boolean;
  /** Address of the peer. */
  readonly client: string;
}

/** @param written as the client sends them */
export function routedHeaders(
  written: readonly (readonly [name: string, value: string])[],
  { listener: { connectionManager, trustedHops }, secure, client }: Wire,
): Map<string, readonly string[]> {
  const { useRemoteAddress, forwardClientCertificate = "SANITIZE", headersWithUnderscores } = connectionManager;
  const headers = new Map<string, readonly string[]>();
  for (const [given, value] of written) {
    const name = given.toLowerCase();
    if (headersWithUnderscores === "DROP_HEADER" && name.includes("_")) continue;
    add(headers, name, value.trim());
  }
  if (!/\bupgrade\b/i.test(headers.get("connection")?.join() ?? "")) for (const name of UPGRADE) headers.delete(name);
  for (const name of HOP_BY_HOP) headers.delete(name);
  if (headers.get("te")?.join() !== "trailers") headers.delete("te");
  if (forwardClientCertificate === "SANITIZE") headers.delete("x-forwarded-client-cert");
  if (useRemoteAddress) {
    for (const name of INTERNAL) headers.delete(name);
    headers.set("x-envoy-external-address", [client]);
    add(headers, "x-forwarded-for", client);
  }
  if (connectionManager.preserveExternalRequestId !== true || !headers.has("x-request-id"))
    headers.set("x-request-id", [MADE_HERE]);
  const isTrusted = !useRemoteAddress || trustedHops > 0;
  if (!isTrusted || !headers.has("x-forwarded-proto")) headers.set("x-forwarded-proto", [secure ? "https" : "http"]);
  return headers;
}

function add(headers: Map<string, readonly string[]>, name: string, value: string): void {
  const earlier = headers.get(name) ?? [];
  headers.set(name, JOINED.has(name) && earlier.length > 0 ? [`${earlier.join()},${value}`] : [...earlier, value]);
}
