import type { MappingSpec } from "../../crds/mapping.ts";
import { type FieldProblem, ignored, invalid, oneLineProblems, regexProblems } from "../../features/feature.ts";
import type { PathMatch, RouteMatch, ValueMatch } from "../../ir/types.ts";
import { hostNameProblems } from "./hostname.ts";
import { type Condition, routeOrderKey } from "./route-order.ts";

export interface MappingMatch {
  readonly match: RouteMatch;
  /** DNS glob of host names, lower case; undefined: the Host's mappingSelector alone decides. */
  readonly hostname: string | undefined;
  /** Regex on the host name (deprecated `host` with host_regex). */
  readonly hostRegex: string | undefined;
  readonly orderKey: string;
  /** Mappings with an equal key form a canary group. */
  readonly groupKey: string;
  readonly problems: readonly FieldProblem[];
}

type Problems = FieldProblem[];

/** Reads everything of a Mapping that decides which requests it gets. @param regexMaxSize the Module's */
export function mappingMatch(spec: MappingSpec, regexMaxSize?: number): MappingMatch {
  const problems: Problems = [];
  const { hostname, hostRegex } = hostOf(spec, problems);
  const hostField = ["hostname", "host"].find((field) => nonEmpty(spec[field as "host"]) !== undefined) ?? "headers";
  if (hostname !== undefined) problems.push(...hostNameProblems(hostname, [hostField]));
  const headers: Condition[] = [
    ...conditions(omitAuthority(spec.headers), false),
    ...conditions(omitAuthority(spec.regex_headers), true),
  ];
  if (hostRegex !== undefined) headers.push({ name: ":authority", value: hostRegex, regex: true });
  else if (hostname !== undefined) headers.push({ name: ":authority", value: hostname, regex: false });
  if (spec.method !== undefined)
    headers.push({ name: ":method", value: spec.method, regex: spec.method_regex ?? false });
  const query: Condition[] = [
    ...conditions(spec.query_parameters, false),
    ...conditions(spec.regex_query_parameters, true),
  ];
  checkNames(spec, problems);
  // Beside a hostname it narrows the route down, and its length, unlike the hostname's, puts it before no other.
  const narrowed = hostname === undefined ? undefined : authorityOf(spec.regex_headers);
  checkRegexes(spec, regexMaxSize, problems);
  const precedence = spec.precedence ?? 0;
  const path = pathMatch(spec, problems);
  const match: RouteMatch = {
    path,
    caseSensitive: spec.case_sensitive ?? true,
    headers: [
      ...headers.filter(({ name }) => name !== ":authority").map(valueMatch),
      ...(narrowed === undefined ? [] : [{ name: AUTHORITY, kind: "regex", regex: narrowed } as const]),
    ],
    queryParameters: query.map(valueMatch),
  };
  return {
    match,
    hostname,
    hostRegex,
    orderKey: routeOrderKey({
      precedence,
      prefix: spec.prefix,
      exact: path.kind === "exact",
      method: spec.method,
      headers,
      queryParameters: query,
    }),
    groupKey: JSON.stringify([
      match.path,
      match.caseSensitive,
      precedence,
      [...headers.map(({ name, value, regex }) => [name, value, regex]), ...(narrowed === undefined ? [] : [narrowed])],
      query.map(({ name, value, regex }) => [name, value, regex]),
    ]),
    problems,
  };
}

function conditions(values: Readonly<Record<string, string>> | undefined, regex: boolean): Condition[] {
  return Object.entries(values ?? {}).map(([name, value]) => ({ name, value, regex }));
}

function valueMatch({ name, value, regex }: Condition): ValueMatch {
  if (value === undefined) return { name, kind: "present" };
  return regex ? { name, kind: "regex", regex: value } : { name, kind: "exact", value };
}

function pathMatch(spec: MappingSpec, problems: Problems): PathMatch {
  if (spec.prefix_regex === true) {
    if (spec.prefix_exact === true) {
      const message = "prefix_regex and prefix_exact are both true; the prefix is used as a regex";
      problems.push(ignored(["prefix_exact"], message, "leave one of them out"));
    }
    // Envoy does not regard case_sensitive where the path is a regex.
    return { kind: "regex", regex: spec.case_sensitive === false ? `(?i)${spec.prefix}` : spec.prefix };
  }
  if (!spec.prefix.startsWith("/")) {
    // Envoy accepts it, and no request ever matches: paths start with a slash.
    problems.push({
      code: "InvalidField",
      severity: "error",
      path: ["prefix"],
      message: `${JSON.stringify(spec.prefix)} does not start with a slash, so that no path would ever match`,
      advice: `write ${JSON.stringify(`/${spec.prefix}`)}`,
    });
  }
  if (spec.prefix_exact === true) return { kind: "exact", path: spec.prefix };
  return { kind: "prefix", prefix: spec.prefix };
}

const AUTHORITY = ":authority";

function omitAuthority(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name.toLowerCase() !== AUTHORITY));
}

function authorityOf(headers: Readonly<Record<string, string>> | undefined): string | undefined {
  return Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === AUTHORITY)?.[1];
}

/** hostname wins over host, host over an `:authority` header condition. */
function hostOf(
  spec: MappingSpec,
  problems: Problems,
): { hostname: string | undefined; hostRegex: string | undefined } {
  const none = { hostname: undefined, hostRegex: undefined };
  // An empty one is none, as in Emissary: v2's way to leave a Mapping to mappingSelectors.
  const named = nonEmpty(spec.host);
  const host = named ?? nonEmpty(authorityOf(spec.headers));
  const hostname = nonEmpty(spec.hostname);
  if (hostname !== undefined) {
    if (spec.host !== undefined) {
      problems.push(
        ignored(["host"], "hostname and host are both set; host is ignored", "remove host, it is deprecated"),
      );
    }
    return { hostname: hostname.toLowerCase(), hostRegex: undefined };
  }
  if (spec.host_regex === true && spec.host !== undefined) return { hostname: undefined, hostRegex: spec.host };
  if (host === undefined) {
    const regex = authorityOf(spec.regex_headers);
    return regex === undefined ? none : { hostname: undefined, hostRegex: regex };
  }
  if (host.includes("*") && named !== undefined) {
    problems.push({
      code: "InvalidField",
      severity: "error",
      path: ["host"],
      message: `${JSON.stringify(host)} holds a "*", and host is an exact name`,
      advice: `write hostname: ${JSON.stringify(host)} instead of host`,
    });
  }
  return { hostname: host.toLowerCase(), hostRegex: undefined };
}

/** Envoy refuses longer ones: config/route/v3/route_components.proto, QueryParameterMatcher. */
const LONGEST_PARAMETER = 1024;

/** Names of conditions that no request can meet, and for which Envoy refuses the whole table. */
function checkNames(spec: MappingSpec, problems: Problems): void {
  for (const field of ["headers", "regex_headers", "query_parameters", "regex_query_parameters"] as const) {
    for (const name of Object.keys(spec[field] ?? {})) {
      problems.push(...oneLineProblems(name, [field, name]));
      const isLong = field.endsWith("query_parameters") && Buffer.byteLength(name) > LONGEST_PARAMETER;
      if (name !== "" && !isLong) continue;
      const message = isLong ? `the name is longer than ${LONGEST_PARAMETER} bytes` : "the name is empty";
      problems.push(invalid([field, name], message, "write the name that requests have"));
    }
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function checkRegexes(spec: MappingSpec, regexMaxSize: number | undefined, problems: Problems): void {
  const check = (regex: string, ...path: string[]) => problems.push(...regexProblems(regex, path, regexMaxSize));
  if (spec.prefix_regex === true) check(spec.prefix, "prefix");
  if (spec.host_regex === true && spec.host !== undefined) check(spec.host, "host");
  if (spec.method_regex === true && spec.method !== undefined) check(spec.method, "method");
  for (const [name, regex] of Object.entries(spec.regex_headers ?? {})) check(regex, "regex_headers", name);
  for (const [name, regex] of Object.entries(spec.regex_query_parameters ?? {}))
    check(regex, "regex_query_parameters", name);
}
