/** The table of routes as Emissary's diagnostics have it: a row for each group of Mappings with the same match. */
import { createHash } from "node:crypto";
import type { MappingResource } from "../crds/resources.ts";
import { keyOf } from "../ir/resource.ts";
import type { Ir, Route, RouteMatch, ValueMatch } from "../ir/types.ts";

export interface RouteCluster {
  readonly name: string;
  readonly service: string;
  /** In percent. */
  readonly weight: number;
  readonly type_label?: "redirect";
  readonly _health: string;
  readonly _hmetric: string;
  readonly _hcolor: string;
}

export interface RouteInfo {
  readonly _group_id: string;
  readonly _source: string;
  readonly _route: object;
  /** `http://quote.example.com/quote/` */
  readonly key: string;
  readonly prefix: string;
  readonly rewrite: string;
  readonly method: string;
  readonly headers: readonly { readonly name: string; readonly value: string; readonly regex: boolean }[];
  readonly clusters: readonly RouteCluster[];
  readonly host: string;
  readonly precedence: number;
  readonly diag_class?: string;
}

/** In the order in which routes are tried; a group that stands in several virtual hosts is listed once. */
export function routeInfos(ir: Ir, mappings: readonly MappingResource[]): readonly RouteInfo[] {
  const byKey = new Map(mappings.map((mapping) => [keyOf(mapping), mapping]));
  const found = new Map<string, RouteInfo>();
  for (const { virtualHosts } of ir.tables.values()) {
    for (const { routes } of virtualHosts) {
      for (const group of groupsOf(routes)) {
        const mapping = byKey.get(keyOf(group[0].source.object));
        // The gateway's own probes, and whatever else no Mapping asks for.
        if (group[0].source.object.kind !== "Mapping" || mapping === undefined) continue;
        const id = idOf(group);
        if (!found.has(id)) found.set(id, infoOf(id, group, mapping, byKey));
      }
    }
  }
  return [...found.values()];
}

type Group = readonly [Route, ...Route[]];

/** Members of a canary group stand one behind the other, and all but the last one have a share. */
function groupsOf(routes: readonly Route[]): readonly Group[] {
  const groups: [Route, ...Route[]][] = [];
  for (const route of routes) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    const goesOn = before?.belowPercent !== undefined && textOf(before.match) === textOf(route.match);
    if (group !== undefined && goesOn) group.push(route);
    else groups.push([route]);
  }
  return groups;
}

function textOf({ path, headers, queryParameters }: RouteMatch): string {
  return JSON.stringify([path, headers.filter(isCondition), queryParameters]);
}

/** A Mapping's hostname is a condition in wide virtual hosts, and none in its own. */
function isCondition({ name }: ValueMatch): boolean {
  return name !== ":authority";
}

function idOf(group: Group): string {
  const [{ match }] = group;
  const sources = group.map(({ name, source }) => [source.object.kind, name]);
  const actions = group.map(({ action }) => (action.kind === "redirect" ? action : action.kind));
  return createHash("sha1")
    .update(JSON.stringify([textOf(match), sources, actions]))
    .digest("hex");
}

function infoOf(
  id: string,
  group: Group,
  { spec, labels }: MappingResource,
  mappings: ReadonlyMap<string, MappingResource>,
): RouteInfo {
  const [first] = group;
  const { object } = first.source;
  const { hostname, host: oldHost, rewrite = "/", precedence = 0 } = spec;
  const { path, headers } = first.match;
  const prefix = path.kind === "prefix" ? path.prefix : path.kind === "exact" ? path.path : path.regex;
  const host = hostname ?? oldHost ?? "*";
  const method = headers.find(({ name }) => name === ":method");
  const diagClass = labels["ambassador_diag_class"];
  const location = `${object.name}.${object.namespace}.1`;
  return {
    _group_id: id,
    _source: location,
    _route: {
      kind: "IRHTTPMappingGroup",
      group_id: id,
      name: object.name,
      namespace: object.namespace,
      location,
      host,
      prefix,
      rewrite,
      precedence,
      mappings: group.map((route) => memberOf(route, mappings)),
    },
    key: `http://${host}${prefix.startsWith("/") ? "" : "/"}${prefix}`,
    prefix,
    rewrite,
    method: method === undefined ? "*" : valueOf(method),
    headers: headers
      .filter((header) => isCondition(header) && header.name !== ":method")
      .map((header) => ({ name: header.name, value: valueOf(header), regex: header.kind === "regex" })),
    clusters: group.map((route, index) => clusterOf(route, group[index - 1], mappings)),
    host,
    precedence,
    ...(diagClass === undefined ? {} : { diag_class: diagClass }),
  };
}

function valueOf(match: ValueMatch): string {
  if (match.kind === "present") return "*";
  return match.kind === "exact" ? match.value : match.regex;
}

function memberOf({ source, match }: Route, mappings: ReadonlyMap<string, MappingResource>): object {
  const { name, namespace } = source.object;
  const spec = mappings.get(keyOf(source.object))?.spec;
  return {
    name,
    namespace,
    location: `${name}.${namespace}.1`,
    prefix: match.path.kind === "prefix" ? match.path.prefix : spec?.prefix,
    rewrite: spec?.rewrite ?? "/",
    service: spec?.service ?? "",
    _weight: spec?.weight ?? 100,
  };
}

function clusterOf(
  { action, source, belowPercent = 100 }: Route,
  before: Route | undefined,
  mappings: ReadonlyMap<string, MappingResource>,
): RouteCluster {
  const service = mappings.get(keyOf(source.object))?.spec.service ?? "unknown service!";
  const health = { _health: "unknown", _hmetric: "unknown", _hcolor: "grey" };
  const weight = belowPercent - (before?.belowPercent ?? 0);
  if (action.kind === "forward") return { name: action.cluster, service, weight, ...health };
  return { name: `redirect to ${action.host ?? service}`, service, weight, type_label: "redirect", ...health };
}
