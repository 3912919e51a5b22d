import { pack } from "../../features/proto.ts";
import type { Listener as IrListener } from "../../ir/types.ts";
import { Router } from "../generated/envoy/extensions/filters/http/router/v3/router.ts";
import type {
  HttpConnectionManager,
  HttpFilter,
} from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { accessLog } from "./access-log.ts";
import { filterSlots } from "./filters-slot.ts";
import { ads } from "./sources.ts";

/** Fixed for the life of a listener: a changed list here would drain every connection. */
const httpFilters: HttpFilter[] = [
  ...filterSlots,
  { name: "envoy.filters.http.router", configType: { $case: "typedConfig", value: pack(Router, {}) } },
];

export function connectionManager(listener: IrListener, table: string): HttpConnectionManager {
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
  };
}
