import type { Counters } from "../../ir/counters.ts";
import { alignedMap } from "../../ir/aligned.ts";
import { memoForever } from "../../ir/memo.ts";
import type { Route, Table, VirtualHost } from "../../ir/types.ts";
import { RouteConfiguration } from "../generated/envoy/config/route/v3/route.ts";
import { VirtualHost as VirtualHostMessage } from "../generated/envoy/config/route/v3/route_components.ts";
import type { XdsResource } from "../snapshot.ts";
import { fieldHeader, frameField, xdsResource } from "./frame.ts";
import { encodeRoute } from "./route.ts";

/** Field numbers of the repeated fields that are concatenated from remembered bytes. */
const VIRTUAL_HOST_ROUTES = 3;
const ROUTE_CONFIGURATION_VIRTUAL_HOSTS = 2;

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

type Frames = (routes: readonly Route[]) => readonly Uint8Array[];

/** Encodes tables from routes that are encoded once each: a change costs one route and one copy of the table's bytes. */
export function tableEncoder(counters: () => Counters): TableEncoder {
  const routeFrame = memoForever((route: Route) => {
    counters().routes++;
    return frameField(VIRTUAL_HOST_ROUTES, encodeRoute(route));
  });
  const framesOf = new Map<string, Map<string, Frames>>();
  const framesFor = (table: string, virtualHost: string): Frames => {
    let known = framesOf.get(table);
    if (known === undefined) framesOf.set(table, (known = new Map()));
    let frames = known.get(virtualHost);
    if (frames === undefined) known.set(virtualHost, (frames = alignedMap(routeFrame)));
    return frames;
  };
  const remembered = new WeakMap<VirtualHost, Pieces>();
  const virtualHostPieces = (table: string, virtualHost: VirtualHost): Pieces => {
    const known = remembered.get(virtualHost);
    if (known !== undefined) return known;
    const { name, domain, routes } = virtualHost;
    const head = VirtualHostMessage.encode({ name, domains: [domain] }).finish();
    const frames = framesFor(table, name)(routes);
    let content = head.length;
    for (const frame of frames) content += frame.length;
    const header = fieldHeader(ROUTE_CONFIGURATION_VIRTUAL_HOSTS, content);
    const pieces = { length: header.length + content, chunks: [header, head, ...frames] };
    remembered.set(virtualHost, pieces);
    return pieces;
  };
  const encode = memoForever((table: Table) => {
    const { name, ignorePort, virtualHosts } = table;
    const chunks: Uint8Array[] = [
      RouteConfiguration.encode({ name, ...(ignorePort ? { ignorePortInHostMatching: true } : {}) }).finish(),
    ];
    for (const virtualHost of virtualHosts)
      for (const chunk of virtualHostPieces(name, virtualHost).chunks) chunks.push(chunk);
    const names = new Set(virtualHosts.map((virtualHost) => virtualHost.name));
    const known = framesOf.get(name);
    for (const each of known?.keys() ?? []) if (!names.has(each)) known?.delete(each);
    return xdsResource("route", name, chunks);
  });
  return {
    encode,
    retain(names) {
      for (const name of framesOf.keys()) if (!names.has(name)) framesOf.delete(name);
    },
  };
}
