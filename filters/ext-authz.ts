import { EXT_AUTHZ } from "../features/auth.ts";
import { duration, pack } from "../features/proto.ts";
import {
  type AuthorizationRequest,
  ExtAuthz,
} from "../xds/generated/envoy/extensions/filters/http/ext_authz/v3/ext_authz.ts";
import type { StatusCode } from "../xds/generated/envoy/type/v3/http_status.ts";
import type { ListStringMatcher } from "../xds/generated/envoy/type/matcher/v3/string.ts";
import type { Filter } from "./filter.ts";

export interface AddedHeader {
  readonly name: string;
  readonly value: string;
}

export interface ExtAuthzSettings {
  readonly cluster: string;
  /** host:port of the service. */
  readonly authority: string;
  readonly timeoutMs: number;
  readonly protocol:
    | { readonly kind: "grpc" }
    | {
        readonly kind: "http";
        readonly pathPrefix: string;
        /** Names of request headers that the service gets, in lower case. */
        readonly requestHeaders: readonly string[];
        /** Names of headers of its answer that go on: to the upstream if it allows the request, else to the client. */
        readonly answerHeaders: readonly string[];
      };
  /** Headers of the call itself. */
  readonly addHeaders: readonly AddedHeader[];
  readonly body: { readonly maxBytes: number; readonly allowPartial: boolean } | undefined;
  readonly failureModeAllow: boolean;
  /** undefined: 403. */
  readonly statusOnError: number | undefined;
}

const V3 = 2;

function names(list: readonly string[]): ListStringMatcher {
  return { patterns: list.map((value) => ({ matchPattern: { $case: "exact", value }, ignoreCase: true })) };
}

function headersToAdd(headers: readonly AddedHeader[]): AuthorizationRequest["headersToAdd"] {
  return headers.map(({ name, value }) => ({ key: name, value }));
}

function serviceOf({ cluster, authority, timeoutMs, protocol, addHeaders }: ExtAuthzSettings): Partial<ExtAuthz> {
  const timeout = duration(timeoutMs);
  if (protocol.kind === "grpc") {
    return {
      services: {
        $case: "grpcService",
        value: {
          // Without an authority Envoy writes the name of the cluster, which is no host name.
          targetSpecifier: { $case: "envoyGrpc", value: { clusterName: cluster, authority } },
          timeout,
          ...(addHeaders.length === 0 ? {} : { initialMetadata: headersToAdd(addHeaders) ?? [] }),
        },
      },
      transportApiVersion: V3,
    };
  }
  const answerHeaders = names(protocol.answerHeaders);
  return {
    services: {
      $case: "httpService",
      value: {
        serverUri: {
          uri: `http://${authority}`,
          httpUpstreamType: { $case: "cluster", value: cluster },
          timeout,
        },
        ...(protocol.pathPrefix === "" ? {} : { pathPrefix: protocol.pathPrefix }),
        ...(addHeaders.length === 0 ? {} : { authorizationRequest: { headersToAdd: headersToAdd(addHeaders) } }),
        authorizationResponse: { allowedUpstreamHeaders: answerHeaders, allowedClientHeaders: answerHeaders },
      },
    },
    allowedHeaders: names(protocol.requestHeaders),
  };
}

export const extAuthz: Filter<ExtAuthzSettings> = {
  name: EXT_AUTHZ,

  toFilter(settings) {
    const { body, failureModeAllow, statusOnError } = settings;
    return pack(ExtAuthz, {
      ...serviceOf(settings),
      // Routes can have conditions on headers that the service adds.
      clearRouteCache: true,
      ...(body === undefined
        ? {}
        : { withRequestBody: { maxRequestBytes: body.maxBytes, allowPartialMessage: body.allowPartial } }),
      ...(failureModeAllow ? { failureModeAllow } : {}),
      ...(statusOnError === undefined ? {} : { statusOnError: { code: statusOnError as StatusCode } }),
    });
  },
};
