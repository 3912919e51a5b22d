import { askingAuth, bypassingAuth } from "../../features/auth.ts";
import type { FeatureSettings, Route, RouteAction, ValueMatch, VirtualHost } from "../../ir/types.ts";
import type { InsecureAction } from "./host.ts";
import { globCovers, parseGlob } from "./hostname.ts";
import { type BuiltMapping, nameOf } from "./mapping.ts";

/** How the requests of a virtual host arrive. */
export type Arrival =
  /** All with TLS. */
  | { readonly kind: "secure" }
  /** All without. */
  | { readonly kind: "insecure"; readonly action: InsecureAction }
  /** x-forwarded-proto tells, set by a proxy in front that is trusted. */
  | { readonly kind: "forwarded"; readonly action: InsecureAction };

export interface Placement {
  /** Cumulative share of the canary group; undefined: all. */
  readonly belowPercent: number | undefined;
  /** The Mapping's, or what its group makes of them. */
  readonly features: FeatureSettings;
  readonly domain: string;
}

const XFP = "x-forwarded-proto";
const isHttps: ValueMatch = { name: XFP, kind: "exact", value: "https" };
const redirectToHttps: RouteAction = { kind: "redirect", code: 301, host: undefined, https: true, path: undefined };

/** Always routed, so that a certificate can be had by HTTP-01 before there is one. */
const ACME_PREFIX = "/.well-known/acme-challenge/";

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** The condition that keeps a route to its Mapping's host names inside a wider virtual host. Ports are ignored, as the domains do. */
export function hostCondition(mapping: BuiltMapping, domain: string): ValueMatch | undefined {
  if (mapping.hostRegex !== undefined) return { name: ":authority", kind: "regex", regex: mapping.hostRegex };
  if (mapping.hostname === undefined || globCovers(mapping.hostname, domain)) return undefined;
  const glob = parseGlob(mapping.hostname);
  const port = /:\d+$/.test(mapping.hostname) ? "" : "(:[0-9]+)?";
  const regex = (body: string): ValueMatch => ({ name: ":authority", kind: "regex", regex: `(?i)${body}${port}` });
  switch (glob.kind) {
    case "any":
      return undefined;
    case "exact":
      return regex(escapeRegex(glob.text));
    case "suffix":
      return regex(`.+${escapeRegex(glob.text)}`);
    case "prefix":
      return regex(`${escapeRegex(glob.text)}.+`);
  }
}

const remembered = new WeakMap<BuiltMapping, Map<string, readonly Route[]>>();

/** The routes of a Mapping in a virtual host: none, one, or one per way of arriving. The same objects for the same question. */
export function routesOf(
  mapping: BuiltMapping,
  { belowPercent, features, domain }: Placement,
  arrival: Arrival,
): readonly Route[] {
  const condition = hostCondition(mapping, domain);
  // What a group makes of its Mappings lives as long as the group, which remembers its routes itself.
  if (features !== mapping.features) return makeRoutes(mapping, { belowPercent, features }, condition, arrival);
  const key = `${belowPercent ?? ""} ${arrival.kind} ${arrival.kind === "secure" ? "" : arrival.action} ${JSON.stringify(condition)}`;
  let known = remembered.get(mapping);
  if (known === undefined) remembered.set(mapping, (known = new Map()));
  const earlier = known.get(key);
  if (earlier !== undefined) return earlier;
  const routes = makeRoutes(mapping, { belowPercent, features }, condition, arrival);
  known.set(key, routes);
  return routes;
}

function makeRoutes(
  mapping: BuiltMapping,
  { belowPercent, features }: Pick<Placement, "belowPercent" | "features">,
  condition: ValueMatch | undefined,
  arrival: Arrival,
): readonly Route[] {
  const { match } = mapping;
  const plain: Route = {
    name: nameOf(mapping),
    match: condition === undefined ? match : { ...match, headers: [condition, ...match.headers] },
    belowPercent,
    action: mapping.action,
    features,
    source: mapping.source,
  };
  if (arrival.kind === "secure") return [plain];
  const insecure = insecureRoute(plain, mapping, arrival);
  if (arrival.kind === "insecure") return insecure === undefined ? [] : [insecure];
  if (insecure === plain) return [plain];
  const headers = plain.match.headers.filter(({ name }) => name.toLowerCase() !== XFP);
  const secure: Route = { ...plain, match: { ...plain.match, headers: [...headers, isHttps] } };
  return insecure === undefined ? [secure] : [secure, insecure];
}

/** Where all requests are sent on to https, that they ask no authorization is said once, not on each route. */
export function virtualHostFeatures(arrival: Arrival): Pick<VirtualHost, "features"> {
  return arrival.kind === "insecure" && arrival.action === "Redirect" ? { features: bypassingAuth } : {};
}

function insecureRoute(
  plain: Route,
  mapping: BuiltMapping,
  { kind, action }: Exclude<Arrival, { kind: "secure" }>,
): Route | undefined {
  const { path } = mapping.match;
  if (action === "Route") return plain;
  if (path.kind === "prefix" && path.prefix === ACME_PREFIX) {
    return action === "Redirect" && kind === "insecure"
      ? { ...plain, features: { ...askingAuth, ...plain.features } }
      : plain;
  }
  if (action === "Reject") return undefined;
  return { ...plain, action: redirectToHttps, features: kind === "insecure" ? {} : bypassingAuth };
}
