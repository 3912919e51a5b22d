import { duration, pack } from "../../features/proto.ts";
import type { TcpChain, WeightedCluster } from "../../ir/types.ts";
import type { FilterChain } from "../generated/envoy/config/listener/v3/listener_components.ts";
import { TcpProxy } from "../generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts";
import { downstreamTransportSocket } from "./transport-socket.ts";

function destination(clusters: readonly WeightedCluster[]): TcpProxy["clusterSpecifier"] {
  const [only, second] = clusters;
  if (only !== undefined && second === undefined) return { $case: "cluster", value: only.cluster };
  const weighted = clusters.map(({ cluster, weight }) => ({ name: cluster, weight }));
  return { $case: "weightedClusters", value: { clusters: weighted } };
}

/** No access log, as in Emissary: the HTTP one's format has nothing to say of a connection. */
export function tcpChain(statPrefix: string, chain: TcpChain): FilterChain {
  const { name, onlyTls, serverNames, tls, clusters, idleTimeoutMs } = chain;
  const proxy: TcpProxy = {
    statPrefix,
    clusterSpecifier: destination(clusters),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeout: duration(idleTimeoutMs) }),
  };
  return {
    name,
    ...(onlyTls ? { filterChainMatch: { transportProtocol: "tls", serverNames: [...serverNames] } } : {}),
    ...(tls === undefined ? {} : { transportSocket: downstreamTransportSocket(tls) }),
    filters: [
      { name: "envoy.filters.network.tcp_proxy", configType: { $case: "typedConfig", value: pack(TcpProxy, proxy) } },
    ],
  };
}
