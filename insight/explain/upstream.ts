import type { Resources } from "../../crds/resources.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import type { Cluster, FixedEndpoints, Route } from "../../ir/types.ts";
import type { BuiltMapping } from "../../sources/getambassador/mapping.ts";
import { ClusterLoadAssignment } from "../../xds/generated/envoy/config/endpoint/v3/endpoint.ts";
import { isEds } from "../../xds/resources/endpoints.ts";
import { placeOf } from "./places.ts";
import type { EndpointView, Upstream } from "./types.ts";

/** Those that stand in the cluster itself. */
export function fixedPlaces({ endpoints }: Cluster): readonly FixedEndpoints[] {
  if (endpoints.kind === "hosts") return endpoints.of;
  return endpoints.kind === "dns" || endpoints.kind === "address" ? [endpoints] : [];
}

const DRAINING = 4;

/** By what the gateway itself would answer Envoy. */
function discovered({ name, endpoints }: Cluster, resources: Resources): readonly EndpointView[] {
  if (!isEds(endpoints)) return [];
  const body = endpointDiscovery()(new Map([[name, endpoints]]), resources).get(name)?.body;
  const places = body === undefined ? [] : (ClusterLoadAssignment.decode(body).endpoints ?? []);
  return places
    .flatMap(({ lbEndpoints = [] }) => lbEndpoints)
    .flatMap(({ hostIdentifier, healthStatus }) => {
      const address = hostIdentifier?.$case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
      if (address?.$case !== "socketAddress") return [];
      const { address: host, portSpecifier } = address.value;
      const port = portSpecifier?.$case === "portValue" ? portSpecifier.value : 0;
      return [{ address: host ?? "", port, draining: healthStatus === DRAINING }];
    });
}

function noteOf({ endpoints }: Cluster, found: readonly EndpointView[]): string | undefined {
  switch (endpoints.kind) {
    case "service":
      return found.length === 0
        ? `the Service ${endpoints.namespace}/${endpoints.name} is not there, or has no address`
        : `the ClusterIP of the Service ${endpoints.namespace}/${endpoints.name}`;
    case "slices":
      return found.length === 0
        ? `no endpoint of the Service ${endpoints.namespace}/${endpoints.name} is ready`
        : `EndpointSlices of the Service ${endpoints.namespace}/${endpoints.name}`;
    case "consul":
      return `the healthy instances of ${endpoints.service} in Consul, which is not asked here`;
    case "dns":
      return "what DNS answers, which is not asked here";
    default:
      return undefined;
  }
}

export function upstreamOf(mapping: BuiltMapping, route: Route, cluster: Cluster, resources: Resources): Upstream {
  const { source } = route;
  const fixed = fixedPlaces(cluster).map((place) => ({
    address: place.kind === "dns" ? place.host : place.address,
    port: place.port,
    draining: false,
  }));
  const found = discovered(cluster, resources);
  return {
    service: mapping.resource.spec.service,
    from: placeOf(source.object, [...source.path, "service"]),
    cluster: cluster.name,
    tls: cluster.tls !== undefined,
    endpoints: [...fixed, ...found],
    note: noteOf(cluster, found),
  };
}
