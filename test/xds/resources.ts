import { Cluster } from "../../xds/generated/envoy/config/cluster/v3/cluster.ts";
import { ClusterLoadAssignment } from "../../xds/generated/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "../../xds/generated/envoy/config/listener/v3/listener.ts";
import { RouteConfiguration } from "../../xds/generated/envoy/config/route/v3/route.ts";
import type { Route } from "../../xds/generated/envoy/config/route/v3/route_components.ts";
import { Router } from "../../xds/generated/envoy/extensions/filters/http/router/v3/router.ts";
import {
  type HttpFilter,
  HttpConnectionManager,
} from "../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { ConfigSource } from "../../xds/generated/envoy/config/core/v3/config_source.ts";
import { encodeRuntime } from "../../xds/resources/runtime.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import { emptySnapshot, type Snapshot, type XdsResource, type XdsType } from "../../xds/snapshot.ts";

/** Small real Envoy resources, for tests of the server against a real Envoy. */

interface Codec<T> {
  readonly $type: string;
  encode(message: T): { finish(): Uint8Array };
}

export function pack<T>(codec: Codec<T>, message: T) {
  return { typeUrl: `type.googleapis.com/${codec.$type}`, value: Buffer.from(codec.encode(message).finish()) };
}

export const ads: ConfigSource = { configSourceSpecifier: { $case: "ads", value: {} }, resourceApiVersion: 2 };

function encode<T>(type: XdsType, name: string, codec: Codec<T>, message: T): XdsResource {
  return xdsResource(type, name, [codec.encode(message).finish()]);
}

function assignment(name: string, ports: readonly number[]): ClusterLoadAssignment {
  const lbEndpoints = ports.map((port) => ({
    hostIdentifier: { $case: "endpoint" as const, value: { address: socketAddress(port) } },
  }));
  return { clusterName: name, endpoints: [{ lbEndpoints }] };
}

function socketAddress(port: number) {
  return {
    address: {
      $case: "socketAddress" as const,
      value: { address: "127.0.0.1", portSpecifier: { $case: "portValue" as const, value: port } },
    },
  };
}

export function staticCluster(name: string, port: number, more: Partial<Cluster> = {}): XdsResource {
  return encode("cluster", name, Cluster, {
    name,
    clusterDiscoveryType: { $case: "type", value: 0 },
    loadAssignment: assignment(name, [port]),
    ...more,
  });
}

export function edsCluster(name: string, more: Partial<Cluster> = {}): XdsResource {
  return encode("cluster", name, Cluster, {
    name,
    clusterDiscoveryType: { $case: "type", value: 3 },
    edsClusterConfig: { edsConfig: ads },
    ...more,
  });
}

export function endpoints(name: string, ...ports: readonly number[]): XdsResource {
  return encode("endpoint", name, ClusterLoadAssignment, assignment(name, ports));
}

export function prefixRoute(prefix: string, cluster: string): Route {
  return {
    match: { pathSpecifier: { $case: "prefix", value: prefix } },
    action: { $case: "route", value: { clusterSpecifier: { $case: "cluster", value: cluster } } },
  };
}

export function regexRoute(regex: string, cluster: string): Route {
  return { ...prefixRoute("/", cluster), match: { pathSpecifier: { $case: "safeRegex", value: { regex } } } };
}

export function routes(name: string, list: readonly Route[]): XdsResource {
  return encode("route", name, RouteConfiguration, {
    name,
    virtualHosts: [{ name: "all", domains: ["*"], routes: [...list] }],
  });
}

export interface ListenerOptions {
  readonly name: string;
  readonly port: number;
  /** The RouteConfiguration's name, by RDS. */
  readonly routes: string;
  readonly filters?: readonly HttpFilter[];
}

export function listener({ name, port, routes: routeConfigName, filters = [] }: ListenerOptions): XdsResource {
  const router: HttpFilter = { name: "router", configType: { $case: "typedConfig", value: pack(Router, {}) } };
  const manager = pack(HttpConnectionManager, {
    statPrefix: name,
    routeSpecifier: { $case: "rds", value: { routeConfigName, configSource: ads } },
    httpFilters: [...filters, router],
  });
  return encode("listener", name, Listener, {
    name,
    address: socketAddress(port),
    filterChains: [{ filters: [{ name: "http", configType: { $case: "typedConfig", value: manager } }] }],
  });
}

const layer = encodeRuntime({});
/** Every Envoy asks for its runtime flags, and every snapshot of the compiler has them. */
const withRuntime: Snapshot = { ...emptySnapshot, runtime: new Map([[layer.name, layer]]) };

/** A snapshot of these resources; types that are the same as in `previous`, resource by resource, keep their map. */
export function snapshotOf(
  parts: Readonly<Partial<Record<XdsType, readonly XdsResource[]>>>,
  previous: Snapshot = withRuntime,
): Snapshot {
  const maps = Object.entries(parts).map(([type, resources]) => [
    type,
    new Map(resources.map((resource) => [resource.name, resource])),
  ]);
  return { ...previous, ...Object.fromEntries(maps) };
}

/** A filter whose configuration comes by ECDS under `name`. */
export function discoveredFilter(name: string, typeUrl: string): HttpFilter {
  return { name, configType: { $case: "configDiscovery", value: { configSource: ads, typeUrls: [typeUrl] } } };
}
