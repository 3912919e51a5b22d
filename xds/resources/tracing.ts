import { pack } from "../../features/proto.ts";
import { assertNever } from "../../ir/assert.ts";
import type { SpanTag, Tracing, TracingProvider } from "../../ir/telemetry.ts";
import { DatadogConfig } from "../generated/envoy/config/trace/v3/datadog.ts";
import type { Tracing_Http } from "../generated/envoy/config/trace/v3/http_tracer.ts";
import { OpenTelemetryConfig } from "../generated/envoy/config/trace/v3/opentelemetry.ts";
import {
  ZipkinConfig,
  ZipkinConfig_CollectorEndpointVersion as Encoding,
} from "../generated/envoy/config/trace/v3/zipkin.ts";
import type { HttpConnectionManager_Tracing } from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { Any } from "../generated/google/protobuf/any.ts";
import type { CustomTag } from "../generated/envoy/type/tracing/v3/custom_tag.ts";
import { grpcService } from "./grpc-service.ts";

/** Names of hosts are always written: Envoy's default is the cluster's name, which is none. */
function settingsOf(provider: TracingProvider): Any {
  const { cluster, authority } = provider;
  switch (provider.kind) {
    case "zipkin":
      return pack(ZipkinConfig, {
        collectorCluster: cluster,
        collectorEndpoint: provider.path,
        collectorEndpointVersion: provider.encoding === "proto" ? Encoding.HTTP_PROTO : Encoding.HTTP_JSON,
        collectorHostname: authority,
        traceId128bit: provider.traceId128Bit,
        sharedSpanContext: provider.sharedSpanContext,
      });
    case "datadog":
      return pack(DatadogConfig, {
        collectorCluster: cluster,
        collectorHostname: authority,
        serviceName: provider.serviceName,
      });
    case "opentelemetry":
      return pack(OpenTelemetryConfig, { grpcService: grpcService(provider), serviceName: provider.serviceName });
    default:
      return assertNever(provider);
  }
}

function provided(provider: TracingProvider): Tracing_Http {
  return {
    name: `envoy.tracers.${provider.kind}`,
    configType: { $case: "typedConfig", value: settingsOf(provider) },
  };
}

function customTag(tag: SpanTag): CustomTag {
  const { name } = tag;
  switch (tag.kind) {
    case "literal":
      return { tag: name, type: { $case: "literal", value: { value: tag.value } } };
    case "environment":
      return { tag: name, type: { $case: "environment", value: { name: tag.variable, ...fallbackOf(tag) } } };
    case "requestHeader":
      return { tag: name, type: { $case: "requestHeader", value: { name: tag.header, ...fallbackOf(tag) } } };
    default:
      return assertNever(tag);
  }
}

function fallbackOf({ fallback }: { readonly fallback: string | undefined }): { readonly defaultValue?: string } {
  return fallback === undefined ? {} : { defaultValue: fallback };
}

/** The provider stands inline, and not in the bootstrap, so that it changes while Envoy runs. */
export function tracingMessage({ provider, sampling, tags }: Tracing): HttpConnectionManager_Tracing {
  const { client, random, overall } = sampling;
  return {
    provider: provided(provider),
    ...(client === undefined ? {} : { clientSampling: { value: client } }),
    ...(random === undefined ? {} : { randomSampling: { value: random } }),
    ...(overall === undefined ? {} : { overallSampling: { value: overall } }),
    ...(tags.length === 0 ? {} : { customTags: tags.map(customTag) }),
    // A gateway is a hop of its own: a span of what it was asked, and one of what it asks. It takes the place of the router's
    // start_child_span, which is deprecated, and of traffic_direction: OUTBOUND, by which Emissary got a client's span.
    spawnUpstreamSpan: true,
  };
}
