import { pack } from "../../features/proto.ts";
import { features } from "../../features/index.ts";
import { assertNever } from "../../ir/assert.ts";
import type { Cluster as IrCluster, ClusterEndpoints, FixedEndpoints } from "../../ir/types.ts";
import { Cluster } from "../generated/envoy/config/cluster/v3/cluster.ts";
import type { ClusterLoadAssignment } from "../generated/envoy/config/endpoint/v3/endpoint.ts";
import type { LbEndpoint } from "../generated/envoy/config/endpoint/v3/endpoint_components.ts";
import { HttpProtocolOptions } from "../generated/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import type { XdsResource } from "../snapshot.ts";
import { xdsResource } from "./frame.ts";
import { ads } from "./sources.ts";
import { upstreamTransportSocket } from "./transport-socket.ts";

const STATIC = 0;
const STRICT_DNS = 1;
const EDS = 3;
const V4_ONLY = 1;
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function assignment(clusterName: string, places: readonly FixedEndpoints[]): ClusterLoadAssignment {
  const lbEndpoints = places.map((place): LbEndpoint => {
    const address = place.kind === "dns" ? place.host : place.address;
    const socketAddress = { address, portSpecifier: { $case: "portValue", value: place.port } } as const;
    const endpoint = { address: { address: { $case: "socketAddress", value: socketAddress } } } as const;
    return { hostIdentifier: { $case: "endpoint", value: endpoint } };
  });
  return { clusterName, endpoints: [{ lbEndpoints }] };
}

function discovery(name: string, endpoints: ClusterEndpoints): Partial<Cluster> {
  switch (endpoints.kind) {
    case "service":
    case "slices":
    case "consul":
    case "services":
      return {
        clusterDiscoveryType: { $case: "type", value: EDS },
        // Without a service name the endpoints are those of the cluster's own name. Clusters must not share endpoints:
        // Envoy does not ask again for a name that it has, and the second cluster would stay without any.
        edsClusterConfig: { edsConfig: ads },
      };
    case "dns":
      return {
        clusterDiscoveryType: { $case: "type", value: STRICT_DNS },
        dnsLookupFamily: V4_ONLY,
        loadAssignment: assignment(name, [endpoints]),
      };
    case "hosts":
      // Addresses stand among the names as they are.
      return {
        clusterDiscoveryType: { $case: "type", value: STRICT_DNS },
        dnsLookupFamily: V4_ONLY,
        loadAssignment: assignment(name, endpoints.of),
      };
    case "address":
      return {
        clusterDiscoveryType: { $case: "type", value: STATIC },
        loadAssignment: assignment(name, [endpoints]),
      };
    default:
      return assertNever(endpoints);
  }
}

/** Plain HTTP/1.1 unless a feature asks for something else; written only then. */
function protocolOptions(cluster: IrCluster): Partial<Cluster> {
  const plain: HttpProtocolOptions = {
    upstreamProtocolOptions: {
      $case: "explicitHttpConfig",
      value: { protocolConfig: { $case: "httpProtocolOptions", value: {} } },
    },
  };
  let options = plain;
  for (const feature of features) {
    const settings = cluster.features[feature.name];
    if (settings !== undefined && feature.protocol !== undefined) options = feature.protocol(settings, options);
  }
  return options === plain
    ? {}
    : { typedExtensionProtocolOptions: { [HTTP_OPTIONS]: pack(HttpProtocolOptions, options) } };
}

export function clusterMessage(cluster: IrCluster): Cluster {
  let message: Cluster = {
    name: cluster.name,
    altStatName: cluster.statName,
    ...discovery(cluster.name, cluster.endpoints),
    ...protocolOptions(cluster),
    ...(cluster.tls === undefined ? {} : { transportSocket: upstreamTransportSocket(cluster.tls) }),
  };
  for (const feature of features) {
    const settings = cluster.features[feature.name];
    if (settings !== undefined && feature.cluster !== undefined) message = feature.cluster(settings, message);
  }
  return message;
}

export function encodeCluster(cluster: IrCluster): XdsResource {
  return xdsResource("cluster", cluster.name, [Cluster.encode(clusterMessage(cluster)).finish()]);
}
