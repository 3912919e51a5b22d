import { duration, pack } from "../../features/proto.ts";
import type { Listener, TcpChain, WeightedCluster } from "../../ir/types.ts";
import type { FilterChain } from "../generated/envoy/config/listener/v3/listener_components.ts";
import { TcpProxy } from "../generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts";
import { accessLogs } from "./access-log.ts";
import { downstreamTransportSocket, handshakeTimeout } from "./transport-socket.ts";

function destination(clusters: readonly WeightedCluster[]): TcpProxy["clusterSpecifier"] {
  const [only, second] = clusters;
  if (only !== undefined && second === undefined) return { $case: "cluster", value: only.cluster };
  const weighted = clusters.map(({ cluster, weight }) => ({ name: cluster, weight }));
  return { $case: "weightedClusters", value: { clusters: weighted } };
}

/** Without the file of the access log, as in Emissary: the format for HTTP has nothing to say of a connection. */
export function tcpChain({ statPrefix, connectionLogs = [] }: Listener, chain: TcpChain): FilterChain {
  const { name, onlyTls, serverNames, tls, clusters, idleTimeoutMs } = chain;
  const proxy: TcpProxy = {
    statPrefix,
    clusterSpecifier: destination(clusters),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeout: duration(idleTimeoutMs) }),
    ...(connectionLogs.length === 0 ? {} : { accessLog: accessLogs(connectionLogs) }),
  };
  return {
    name,
    ...(onlyTls ? { filterChainMatch: { transportProtocol: "tls", serverNames: [...serverNames] } } : {}),
    ...(tls === undefined ? {} : { transportSocket: downstreamTransportSocket(tls), ...handshakeTimeout }),
    filters: [
      { name: "envoy.filters.network.tcp_proxy", configType: { $case: "typedConfig", value: pack(TcpProxy, proxy) } },
    ],
  };
}
