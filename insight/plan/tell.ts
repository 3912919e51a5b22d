/** Requests and what becomes of them, in words. */
import { assertNever } from "../../ir/assert.ts";
import { formatObject } from "../../ir/problem.ts";
import type { Cluster, FixedEndpoints, RouteAction, ServiceEndpoints } from "../../ir/types.ts";
import type { Request } from "../match/match.ts";
import { type Answer, objectOf, rewriteOf, type Share } from "./answer.ts";

/** `GET https://api.example.org/orders/7 (x-version: 2)`. Ports of Listeners are not those that clients write, and are left out. */
export function requestText({ method, scheme, authority, path, headers }: Request): string {
  const asked = headers.map(([name, value]) => `${name}: ${value}`).join(", ");
  return `${method} ${scheme}://${authority}${path}${asked === "" ? "" : ` (${asked})`}`;
}

/** `Mapping shop/orders`, `90% Mapping shop/orders, 10% Mapping shop/orders-v2`, `301 to https by Mapping shop/orders`, `404`. */
export function answerText({ shares, lostPercent, nobody }: Answer): string {
  if (nobody !== undefined) return nobody;
  const [only] = shares;
  if (only !== undefined && shares.length === 1 && lostPercent === 0) return shareText(only);
  const lost = lostPercent === 0 ? [] : [`${lostPercent}% 404`];
  return [...shares.map((share) => `${share.percent}% ${shareText(share)}`), ...lost].join(", ");
}

function shareText({ route }: Share): string {
  const by = formatObject(objectOf(route));
  const { action } = route;
  return action.kind === "redirect" ? `${redirectText(action)} by ${by}` : by;
}

function redirectText({ code, host, https, path }: Extract<RouteAction, { kind: "redirect" }>): string {
  const to = [
    ...(https ? ["https"] : []),
    ...(host === undefined ? [] : [host]),
    ...(path === undefined ? [] : ["another path"]),
  ];
  return to.length === 0 ? `${code}` : `${code} to ${to.join(", ")}`;
}

/** `shop/orders:80`, `api.example.com:443 by TLS`. */
export function clusterText({ endpoints, tls }: Cluster): string {
  const where = "of" in endpoints ? endpoints.of.map(endpointsText).join(", ") : endpointsText(endpoints);
  return tls === undefined ? where : `${where} by TLS`;
}

function endpointsText(endpoints: ServiceEndpoints | FixedEndpoints): string {
  switch (endpoints.kind) {
    case "service":
    case "slices":
      return `${endpoints.namespace}/${endpoints.name}:${endpoints.port}`;
    case "consul":
      return `${endpoints.service} of Consul's ${endpoints.datacenter}`;
    case "dns":
      return `${endpoints.host}:${endpoints.port}`;
    case "address":
      return `${endpoints.address}:${endpoints.port}`;
    default:
      return assertNever(endpoints);
  }
}

/** What an answer says of authorization, rewriting and the like, where it changes: `asked` to `bypassed`. */
export function respectText(respect: string, { shares, clientCertificate }: Answer): string {
  const of = (text: (share: Share) => string) => [...new Set(shares.map(text))].join(", ");
  switch (respect) {
    case "authorization":
      return of(({ auth }) => auth.kind);
    case "client certificate":
      return clientCertificate;
    case "rewrite":
      return of(({ route }) => rewriteText(...rewriteOf(route)));
    case "target":
      return of(({ cluster }) => (cluster === undefined ? "" : clusterText(cluster)));
    default:
      return "";
  }
}

function rewriteText(path: unknown, host: unknown): string {
  const { replacement, pattern } = (path ?? {}) as { replacement?: string; pattern?: string };
  const ofPath = replacement ?? (pattern === undefined ? "none" : `by ${pattern}`);
  return host === undefined ? ofPath : `${ofPath} and of the Host header`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
