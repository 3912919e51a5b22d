import type { Counters } from "../../ir/counters.ts";
import { alignedMap, diffLists } from "../../ir/aligned.ts";
import { memoForever } from "../../ir/memo.ts";
import type { RouteMatching } from "../../ir/settings.ts";
import type { Route, Table, VirtualHost } from "../../ir/types.ts";
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction as HeaderAppendAction,
} from "../generated/envoy/config/core/v3/base.ts";
import { RouteConfiguration } from "../generated/envoy/config/route/v3/route.ts";
import { VirtualHost as VirtualHostMessage } from "../generated/envoy/config/route/v3/route_components.ts";
import type { XdsResource } from "../snapshot.ts";
import { fieldHeader, frameField, xdsResource } from "./frame.ts";
import { encodeRoute, virtualHostMessage } from "./route.ts";
import { type RouteTree, treeBuilder } from "./route-tree.ts";
import { treeFrames } from "./tree-frames.ts";

/** Field numbers of the repeated fields that are concatenated from remembered bytes. */
const VIRTUAL_HOST_ROUTES = 3;
const VIRTUAL_HOST_MATCHER = 21;
const ROUTE_CONFIGURATION_VIRTUAL_HOSTS = 2;

const { OVERWRITE_IF_EXISTS_OR_ADD } = HeaderAppendAction;

/** Bytes of a message as the pieces they are made of: copied once, into the resource. */
interface Pieces {
  readonly length: number;
  readonly chunks: readonly Uint8Array[];
}

export interface TableEncoder {
  encode(table: Table): XdsResource;
  /** Forgets the tables that are no more. */
  retain(names: ReadonlyMap<string, unknown>): void;
}

/** From this many routes on a tree is faster to search than a list; it costs Envoy twice as much to load. */
const MANY_ROUTES = 64;

/** The bytes of a virtual host's routes from run to run. */
interface Lineage {
  readonly list: (routes: readonly Route[]) => readonly Uint8Array[];
  readonly build: (routes: readonly Route[]) => RouteTree | undefined;
  readonly tree: (tree: RouteTree) => readonly Uint8Array[];
}

/** Encodes tables from routes that are encoded once each: a change costs one route and one copy of the table's bytes. */
export function tableEncoder(counters: () => Counters, matching: () => RouteMatching): TableEncoder {
  const encodeOne = (route: Route) => {
    counters().routes++;
    return encodeRoute(route);
  };
  const routeBytes = memoForever(encodeOne);
  const routeFrame = (route: Route) => frameField(VIRTUAL_HOST_ROUTES, encodeOne(route));
  const newLineage = (): Lineage => ({
    list: alignedMap(routeFrame),
    build: treeBuilder(),
    tree: treeFrames({ once: encodeOne, remembered: routeBytes }),
  });
  const lineages = new Map<string, Map<string, Lineage>>();
  const lineageOf = (table: string, virtualHost: string): Lineage => {
    let known = lineages.get(table);
    if (known === undefined) lineages.set(table, (known = new Map()));
    let lineage = known.get(virtualHost);
    if (lineage === undefined) known.set(virtualHost, (lineage = newLineage()));
    return lineage;
  };
  const remembered = new WeakMap<VirtualHost, Pieces>();
  const virtualHostPieces = (table: string, virtualHost: VirtualHost): Pieces => {
    const known = remembered.get(virtualHost);
    if (known !== undefined) return known;
    const { name, routes } = virtualHost;
    const head = VirtualHostMessage.encode(virtualHostMessage(virtualHost)).finish();
    const lineage = lineageOf(table, name);
    const mode = matching();
    const wantsTree = mode === "tree" || (mode === "auto" && routes.length > MANY_ROUTES);
    const tree = wantsTree ? lineage.build(routes) : undefined;
    const content = tree === undefined ? lineage.list(routes) : matcherField(lineage.tree(tree));
    const length = lengthOf(content) + head.length;
    const header = fieldHeader(ROUTE_CONFIGURATION_VIRTUAL_HOSTS, length);
    const pieces = { length: header.length + length, chunks: [header, head, ...content] };
    remembered.set(virtualHost, pieces);
    return pieces;
  };
  const encode = memoForever((table: Table) => {
    const { name, ignorePort, virtualHosts, misdirected, http3Port } = table;
    const chunks: Uint8Array[] = [
      RouteConfiguration.encode({
        name,
        ...(ignorePort ? { ignorePortInHostMatching: true } : {}),
        ...(http3Port === undefined ? {} : { responseHeadersToAdd: [altSvc(http3Port)] }),
      }).finish(),
    ];
    for (const virtualHost of virtualHosts)
      for (const chunk of virtualHostPieces(name, virtualHost).chunks) chunks.push(chunk);
    if (misdirected.length > 0)
      chunks.push(frameField(ROUTE_CONFIGURATION_VIRTUAL_HOSTS, misdirectedHost(misdirected)));
    const names = new Set(virtualHosts.map((virtualHost) => virtualHost.name));
    const known = lineages.get(name);
    for (const each of known?.keys() ?? []) if (!names.has(each)) known?.delete(each);
    return xdsResource("route", name, chunks);
  });
  return {
    encode,
    retain(names) {
      for (const name of lineages.keys()) if (!names.has(name)) lineages.delete(name);
    },
  };
}

/** For who asks about problems alone: every new route is encoded, since that may fail, and nothing is kept. Its tables are empty. */
export function routeChecker(counters: () => Counters): TableEncoder {
  const checked = new Map<string, Map<string, readonly Route[]>>();
  const encode = memoForever(({ name, virtualHosts }: Table) => {
    const earlier = checked.get(name);
    const now = new Map<string, readonly Route[]>();
    for (const { name: virtualHost, routes } of virtualHosts) {
      const known = earlier?.get(virtualHost) ?? [];
      for (const route of diffLists(known, routes).added) {
        counters().routes++;
        encodeRoute(route);
      }
      now.set(virtualHost, routes);
    }
    checked.set(name, now);
    return xdsResource("route", name, []);
  });
  return {
    encode,
    retain(names) {
      for (const name of checked.keys()) if (!names.has(name)) checked.delete(name);
    },
  };
}

/** For a day, as Emissary says it. What an upstream says of itself is not for clients of the gateway. */
function altSvc(port: number): HeaderValueOption {
  return { header: { key: "alt-svc", value: `h3=":${port}"; ma=86400` }, appendAction: OVERWRITE_IF_EXISTS_OR_ADD };
}

/** Tells a client to come again by a connection of its own: RFC 9110, 15.5.20. Browsers do, and the request is not lost. */
function misdirectedHost(domains: readonly string[]): Uint8Array {
  const action = { $case: "directResponse", value: { status: 421 } } as const;
  const route = { match: { pathSpecifier: { $case: "prefix", value: "/" } }, action } as const;
  // No host name has brackets.
  return VirtualHostMessage.encode({ name: "(misdirected)", domains: [...domains], routes: [route] }).finish();
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}

function matcherField(matcher: readonly Uint8Array[]): readonly Uint8Array[] {
  return [fieldHeader(VIRTUAL_HOST_MATCHER, lengthOf(matcher)), ...matcher];
}
