/** Requests that show what a route takes: each matches the route by itself, whatever stands before it. */
import type { ValueMatch } from "../../ir/types.ts";
import { fullMatch } from "../match/regex.ts";
import { arrive, type Request } from "../match/request.ts";
import { mayMatch } from "../match/route.ts";
import type { Place, PlacedRoute } from "./changes.ts";
import { samples } from "./samples.ts";

/** Of each part of a request so many texts are tried. */
const MOST_TEXTS = 6;

/** Requests to a place that match the route, the plainest first. None where no client can send one, or none was thought of. */
export function witnessesOf({ place, route }: PlacedRoute): readonly Request[] {
  const { listener, chain } = place;
  const { path, headers, queryParameters } = route.match;
  const secure = chain.tls !== undefined;
  const values = headerValues(headers);
  const queries = valuesOf(queryParameters);
  if (values === undefined || queries === undefined) return [];
  const query = [...queries].map(([name, value]) => (value === "" ? name : `${name}=${value}`)).join("&");
  const requests: Request[] = [];
  for (const authority of authoritiesOf(place.virtualHost.domain, headers)) {
    for (const bare of pathsOf(path)) {
      const request: Request = {
        method: values.get(":method") ?? "GET",
        scheme: secure ? "https" : "http",
        authority,
        path: query === "" ? bare : `${bare}?${query}`,
        headers: [...values].filter(([name]) => !name.startsWith(":")),
        port: listener.port,
      };
      const arrived = arrive(request, listener, secure);
      if (!("refused" in arrived) && arrived.barePath === bare && mayMatch(route, arrived)) requests.push(request);
    }
  }
  return requests;
}

/** The same request to other host names. */
export function toHosts(request: Request, domain: string): readonly Request[] {
  return namesIn(domain).map((authority) => ({ ...request, authority }));
}

/** Some requests to a place, whatever route takes them; a narrower virtual host may take some of their names. */
export function anyRequests({ listener, chain, virtualHost: { domain } }: Place): readonly Request[] {
  const scheme = chain.tls === undefined ? "http" : "https";
  return namesIn(domain).map((authority) => {
    return { method: "GET", scheme, authority, path: "/", headers: [], port: listener.port };
  });
}

/** Concrete host names of a domain of Envoy's. */
function namesIn(domain: string): readonly string[] {
  if (domain === "*") return ["example.org", "other.example"];
  if (domain.startsWith("*")) return [`a${domain.slice(1)}`, `b7${domain.slice(1)}`];
  if (domain.endsWith("*")) return [`${domain.slice(0, -1)}example`, `${domain.slice(0, -1)}b7`];
  return [domain];
}

/** Envoy reads the one name as the other. */
function isOfAuthority({ name }: ValueMatch): boolean {
  return name === ":authority" || name.toLowerCase() === "host";
}

function authoritiesOf(domain: string, headers: readonly ValueMatch[]): readonly string[] {
  const conditions = headers.filter(isOfAuthority);
  return [...conditions.flatMap(textsOf), ...namesIn(domain)].filter((name) => /^[\w.-]+(:\d+)?$/.test(name));
}

function pathsOf(path: PlacedRoute["route"]["match"]["path"]): readonly string[] {
  switch (path.kind) {
    case "exact":
      return [path.path];
    case "regex":
      return samples(path.regex).filter(isPlainPath).slice(0, MOST_TEXTS);
    case "prefix": {
      const { prefix } = path;
      if (prefix === "/") return [prefix, "/7", "/a/b"];
      return prefix.endsWith("/") ? [`${prefix}7`, prefix, `${prefix}a/b`] : [prefix, `${prefix}/7`, `${prefix}7`];
    }
  }
}

/** What stays as it is on its way, whatever the settings. */
function isPlainPath(text: string): boolean {
  return text.startsWith("/") && !text.includes("//") && !/[^!-~]|[?#%\\]/.test(text);
}

function headerValues(headers: readonly ValueMatch[]): ReadonlyMap<string, string> | undefined {
  const values = valuesOf(headers.filter((condition) => !isOfAuthority(condition)));
  // Clients choose these by the connection and the address line.
  return [...(values?.keys() ?? [])].some((name) => name.startsWith(":") && name !== ":method") ? undefined : values;
}

/** A value for each name; undefined where none was found. Whether all conditions are met is for the matcher to say. */
function valuesOf(conditions: readonly ValueMatch[]): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  // What is exact leaves no choice, and "present" every choice.
  const rank = { exact: 0, regex: 1, present: 2 } as const;
  for (const condition of [...conditions].sort((a, b) => rank[a.kind] - rank[b.kind])) {
    if (values.has(condition.name)) continue;
    const value = textsOf(condition)[0];
    if (value === undefined) return undefined;
    values.set(condition.name, value);
  }
  return values;
}

function textsOf(condition: ValueMatch): readonly string[] {
  if (condition.kind === "exact") return [condition.value];
  if (condition.kind === "present") return ["1"];
  const methods = condition.name === ":method" ? ["GET", "POST", "PUT", "DELETE"] : [];
  const likely = methods.filter((method) => fullMatch(condition.regex, method));
  return likely.length > 0 ? likely : samples(condition.regex).slice(0, MOST_TEXTS);
}
