import { headerKeyFormat } from "../../features/header-case.ts";
import { duration, pack } from "../../features/proto.ts";
import type { ConnectionManager, Listener as IrListener } from "../../ir/types.ts";
import {
  type Http1ProtocolOptions,
  type Http2ProtocolOptions,
  type HttpProtocolOptions,
  HttpProtocolOptions_HeadersWithUnderscoresAction as UnderscoresAction,
} from "../generated/envoy/config/core/v3/protocol.ts";
import { Router } from "../generated/envoy/extensions/filters/http/router/v3/router.ts";
import {
  type HttpConnectionManager,
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpFilter,
} from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { accessLogs } from "./access-log.ts";
import { windows } from "./windows.ts";
import { filterSlots } from "./filters-slot.ts";
import { http3Options } from "./quic.ts";
import { ads } from "./sources.ts";
import { tracingMessage } from "./tracing.ts";

/** A changed list here would drain every connection: filters that come and go are in slots. */
function httpFilters({ suppressEnvoyHeaders }: ConnectionManager): HttpFilter[] {
  const router: Router = suppressEnvoyHeaders === true ? { suppressEnvoyHeaders } : {};
  return [
    ...filterSlots,
    { name: "envoy.filters.http.router", configType: { $case: "typedConfig", value: pack(Router, router) } },
  ];
}

/** Without the keys whose value says nothing; an empty object is nothing either. */
function written<T extends object>(object: T): T | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined && value !== false);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

function http1Options(settings: ConnectionManager): Http1ProtocolOptions | undefined {
  const { allowChunkedLength, acceptHttp10, headerCase } = settings;
  return written<Http1ProtocolOptions>({
    acceptHttp10,
    allowChunkedLength,
    headerKeyFormat: headerCase === undefined ? undefined : headerKeyFormat(headerCase),
  });
}

function commonOptions({ idleTimeoutMs, headersWithUnderscores }: ConnectionManager): HttpProtocolOptions | undefined {
  return written<HttpProtocolOptions>({
    idleTimeout: idleTimeoutMs === undefined ? undefined : duration(idleTimeoutMs),
    headersWithUnderscoresAction:
      headersWithUnderscores === undefined ? undefined : UnderscoresAction[headersWithUnderscores],
  });
}

/** What the settings of all listeners ask for beyond Envoy's defaults. */
function options(settings: ConnectionManager): Partial<HttpConnectionManager> {
  const { forwardClientCertificate, clientCertificateDetails } = settings;
  return {
    ...written<Partial<HttpConnectionManager>>({
      httpProtocolOptions: http1Options(settings),
      commonHttpProtocolOptions: commonOptions(settings),
      forwardClientCertDetails:
        forwardClientCertificate === undefined ? undefined : ForwardClientCertDetails[forwardClientCertificate],
      setCurrentClientCertDetails: clientCertificateDetails,
      requestTimeout: settings.requestTimeoutMs === undefined ? undefined : duration(settings.requestTimeoutMs),
      maxRequestHeadersKb: settings.maxRequestHeadersKb,
      mergeSlashes: settings.mergeSlashes,
      preserveExternalRequestId: settings.preserveExternalRequestId,
      pathWithEscapedSlashesAction: settings.rejectEscapedSlashes === true ? EscapedSlashes.REJECT_REQUEST : undefined,
      stripMatchingHostPort: settings.stripMatchingHostPort,
      tracing: settings.tracing === undefined ? undefined : tracingMessage(settings.tracing),
    }),
  };
}

function http2Options({ http2MaxConcurrentStreams }: IrListener): Http2ProtocolOptions {
  return {
    ...windows,
    ...(http2MaxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: http2MaxConcurrentStreams }),
  };
}

export function connectionManager(listener: IrListener, table: string): HttpConnectionManager {
  const { serverName, useRemoteAddress, requestHeadersTimeoutMs } = listener.connectionManager;
  return {
    statPrefix: listener.statPrefix,
    routeSpecifier: { $case: "rds", value: { configSource: ads, routeConfigName: table } },
    httpFilters: httpFilters(listener.connectionManager),
    accessLog: accessLogs(listener.connectionManager.accessLogs),
    normalizePath: true,
    useRemoteAddress,
    serverName,
    requestHeadersTimeout: duration(requestHeadersTimeoutMs),
    ...options(listener.connectionManager),
    ...(listener.trustedHops === 0 ? {} : { xffNumTrustedHops: listener.trustedHops }),
    ...(listener.quic ? http3Options : { http2ProtocolOptions: http2Options(listener) }),
  };
}
