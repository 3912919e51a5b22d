import { pack } from "../../features/proto.ts";
import type { Chain, Listener as IrListener } from "../../ir/types.ts";
import { Listener } from "../generated/envoy/config/listener/v3/listener.ts";
import type { FilterChain, ListenerFilter } from "../generated/envoy/config/listener/v3/listener_components.ts";
import { Cors } from "../generated/envoy/extensions/filters/http/cors/v3/cors.ts";
import { Router } from "../generated/envoy/extensions/filters/http/router/v3/router.ts";
import { ProxyProtocol } from "../generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.ts";
import { TlsInspector } from "../generated/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts";
import {
  HttpConnectionManager,
  type HttpFilter,
} from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { XdsResource } from "../snapshot.ts";
import { accessLog } from "./access-log.ts";
import { filtersSlot } from "./filters-slot.ts";
import { xdsResource } from "./frame.ts";
import { http3Options, quicListener, quicTransportSocket, udp } from "./quic.ts";
import { ads } from "./sources.ts";
import { downstreamTransportSocket } from "./transport-socket.ts";

/** Fixed for the life of a listener: a changed list here would drain every connection. */
const httpFilters: HttpFilter[] = [
  { name: "envoy.filters.http.cors", configType: { $case: "typedConfig", value: pack(Cors, {}) } },
  filtersSlot,
  { name: "envoy.filters.http.router", configType: { $case: "typedConfig", value: pack(Router, {}) } },
];

function connectionManager(listener: IrListener, table: string): HttpConnectionManager {
  const { serverName, useRemoteAddress } = listener.connectionManager;
  return {
    statPrefix: listener.statPrefix,
    routeSpecifier: { $case: "rds", value: { configSource: ads, routeConfigName: table } },
    httpFilters,
    accessLog: [accessLog],
    normalizePath: true,
    useRemoteAddress,
    serverName,
    ...(listener.trustedHops === 0 ? {} : { xffNumTrustedHops: listener.trustedHops }),
    ...(listener.http2MaxConcurrentStreams === undefined
      ? {}
      : { http2ProtocolOptions: { maxConcurrentStreams: listener.http2MaxConcurrentStreams } }),
    ...(listener.quic ? http3Options : {}),
  };
}

function filterChain(listener: IrListener, chain: Chain): FilterChain {
  const { name, serverNames, tls, table } = chain;
  return {
    name,
    ...(tls === undefined
      ? {}
      : {
          filterChainMatch: { transportProtocol: listener.quic ? "quic" : "tls", serverNames: [...serverNames] },
          transportSocket: listener.quic ? quicTransportSocket(tls) : downstreamTransportSocket(tls),
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
  };
}

export function encodeListener(listener: IrListener): XdsResource {
  return xdsResource("listener", listener.name, [Listener.encode(listenerMessage(listener)).finish()]);
}
