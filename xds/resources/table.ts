import type { Counters } from "../../ir/counters.ts";
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

export type TableEncoder = (table: Table) => XdsResource;

/** Encodes tables from routes and virtual hosts that are encoded once each: a change costs one route and the copying of bytes. */
export function tableEncoder(counters: () => Counters): TableEncoder {
  const routeFrame = memoForever((route: Route) => {
    counters().routes++;
    return frameField(VIRTUAL_HOST_ROUTES, encodeRoute(route));
  });
  const virtualHostFrame = memoForever((virtualHost: VirtualHost) => {
    const { name, domain, routes } = virtualHost;
    const head = VirtualHostMessage.encode({ name, domains: [domain] }).finish();
    const frames = routes.map(routeFrame);
    const length = frames.reduce((sum, frame) => sum + frame.length, head.length);
    return Buffer.concat([fieldHeader(ROUTE_CONFIGURATION_VIRTUAL_HOSTS, length), head, ...frames]);
  });
  return memoForever((table: Table) => {
    const { name, ignorePort, virtualHosts } = table;
    const head = RouteConfiguration.encode({ name, ...(ignorePort ? { ignorePortInHostMatching: true } : {}) }).finish();
    return xdsResource("route", name, [head, ...virtualHosts.map(virtualHostFrame)]);
  });
}
