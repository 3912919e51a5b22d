import { pack } from "../../features/proto.ts";
import type { Chain, HttpChain, Listener as IrListener } from "../../ir/types.ts";
import { Listener } from "../generated/envoy/config/listener/v3/listener.ts";
import type { FilterChain, ListenerFilter } from "../generated/envoy/config/listener/v3/listener_components.ts";
import { ProxyProtocol } from "../generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.ts";
import { TlsInspector } from "../generated/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts";
import { HttpConnectionManager } from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { XdsResource } from "../snapshot.ts";
import { connectionManager } from "./connection-manager.ts";
import { xdsResource } from "./frame.ts";
import { quicListener, quicTransportSocket, udp } from "./quic.ts";
import { tcpChain } from "./tcp-chain.ts";
import { downstreamTransportSocket, handshakeTimeout } from "./transport-socket.ts";

function filterChain(listener: IrListener, chain: Chain): FilterChain {
  return chain.kind === "tcp" ? tcpChain(listener, chain) : httpChain(listener, chain);
}

function httpChain(listener: IrListener, chain: HttpChain): FilterChain {
  const { name, serverNames, tls, table } = chain;
  return {
    name,
    ...(tls === undefined
      ? {}
      : {
          filterChainMatch: { transportProtocol: listener.quic ? "quic" : "tls", serverNames: [...serverNames] },
          ...(listener.quic
            ? { transportSocket: quicTransportSocket(tls) }
            : { transportSocket: downstreamTransportSocket(tls), ...handshakeTimeout }),
        }),
    filters: [
      {
        name: "envoy.filters.network.http_connection_manager",
        configType: { $case: "typedConfig", value: pack(HttpConnectionManager, connectionManager(listener, table)) },
      },
    ],
  };
}

function listenerFilters(listener: IrListener): ListenerFilter[] {
  const filters: ListenerFilter[] = [];
  if (listener.proxyProtocol) {
    filters.push({
      name: "envoy.filters.listener.proxy_protocol",
      configType: { $case: "typedConfig", value: pack(ProxyProtocol, {}) },
    });
  }
  if (listener.tlsInspector) {
    filters.push({
      name: "envoy.filters.listener.tls_inspector",
      configType: { $case: "typedConfig", value: pack(TlsInspector, {}) },
    });
  }
  return filters;
}

export function listenerMessage(listener: IrListener): Listener {
  const { name, address, port, chains } = listener;
  return {
    name,
    address: {
      address: {
        $case: "socketAddress",
        value: { address, portSpecifier: { $case: "portValue", value: port }, ...(listener.quic ? udp : {}) },
      },
    },
    ...(listener.quic ? quicListener : {}),
    listenerFilters: listenerFilters(listener),
    filterChains: chains.map((chain) => filterChain(listener, chain)),
    ...(listener.bufferLimitBytes === undefined ? {} : { perConnectionBufferLimitBytes: listener.bufferLimitBytes }),
  };
}

export function encodeListener(listener: IrListener): XdsResource {
  return xdsResource("listener", listener.name, [Listener.encode(listenerMessage(listener)).finish()]);
}
