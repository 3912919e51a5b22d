/** What a route makes of a request: the path and host that the upstream sees, or where the client is sent on to. */
import { RE2JS } from "re2js";
import type { HostRewriteSettings } from "../../features/host-rewrite.ts";
import type { RewriteSettings } from "../../features/rewrite.ts";
import type { FixedEndpoints, Route, RouteAction } from "../../ir/types.ts";
import { withoutQuery } from "../match/path.ts";
import type { Arrived } from "../match/request.ts";

/** The part of the path that a prefix rewrite replaces: all of it, unless the route has a prefix. */
function matchedLength({ match: { path } }: Route, { barePath }: Arrived): number {
  return path.kind === "prefix" ? path.prefix.length : barePath.length;
}

/** The path with its query as the upstream gets it. */
export function upstreamPath(route: Route, request: Arrived): string {
  const rewrite = route.features["rewrite"] as RewriteSettings | undefined;
  if (rewrite === undefined) return request.path;
  if (rewrite.kind === "regex") return rewritten(request.path, rewrite.pattern, rewrite.substitution);
  return rewrite.replacement + request.path.slice(matchedLength(route, request));
}

/** The Host header as the upstream gets it. @param places the cluster's endpoints, where they are fixed */
export function upstreamHost(route: Route, request: Arrived, places: readonly FixedEndpoints[]): string {
  const rewrite = route.features["host-rewrite"] as HostRewriteSettings | undefined;
  if (rewrite === undefined) return request.authority;
  if (rewrite.kind === "literal") return rewrite.host;
  const names = places.flatMap((place) => (place.kind === "dns" ? [place.host] : []));
  return names.length === 0 ? request.authority : names.join(" or ");
}

/** Where a redirect sends the client. Source: Envoy, config_impl.cc, newUri. */
export function locationOf(action: Extract<RouteAction, { kind: "redirect" }>, route: Route, request: Arrived): string {
  const { host, https, path } = action;
  const scheme = request.headers.get("x-forwarded-proto")?.[0] ?? "http";
  const finalScheme = https ? "https" : scheme;
  return `${finalScheme}://${host ?? withoutDefaultPort(request.authority, scheme, finalScheme)}${redirectPath(path, route, request)}`;
}

type PathRedirect = Extract<RouteAction, { kind: "redirect" }>["path"];

function redirectPath(path: PathRedirect, route: Route, request: Arrived): string {
  switch (path?.kind) {
    case undefined:
      return request.path;
    case "path":
      // A path of its own query stands for the whole.
      return path.path.includes("?") ? path.path : path.path + request.path.slice(request.barePath.length);
    case "prefix":
      return path.prefix + request.path.slice(matchedLength(route, request));
    case "regex":
      return rewritten(request.path, path.pattern, path.substitution);
  }
}

/** The port that was the scheme's own is not that of the other scheme. */
function withoutDefaultPort(authority: string, before: string, after: string): string {
  if (before === "http" && after === "https") return authority.replace(/:80$/, "");
  return before === "https" && after === "http" ? authority.replace(/:443$/, "") : authority;
}

/** Every match in the path, not in the query. RE2 writes groups as \1. */
function rewritten(path: string, pattern: string, substitution: string): string {
  const bare = withoutQuery(path);
  const matcher = RE2JS.compile(pattern).matcher(bare);
  const insert = () =>
    substitution.replace(/\\([0-9\\])/g, (_, sign: string) =>
      sign === "\\" ? sign : (matcher.group(Number(sign)) ?? ""),
    );
  let result = "";
  let at = 0;
  while (matcher.find()) {
    result += bare.slice(at, matcher.start()) + insert();
    at = matcher.end();
  }
  return result + path.slice(at);
}
