/** What is told of requests and connections to services beside the gateway: their logs, and their traces. */

/** A service that gets an entry for each request or connection. */
export interface GrpcAccessLog {
  readonly kind: "grpc";
  /** http: what HTTP has to say of a request. tcp: what its connection has. */
  readonly entries: "http" | "tcp";
  /** Tells the service which of its senders this is. */
  readonly logName: string;
  readonly cluster: string;
  /** host:port that calls name. */
  readonly authority: string;
  /** Entries are sent at the latest after this time, or once they have this size. */
  readonly flushIntervalMs: number;
  readonly flushBytes: number;
  /** Headers whose values are told beside Envoy's own choice; of http entries alone. */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  readonly responseTrailers: readonly string[];
}

/** Where spans go. */
export type TracingProvider = {
  readonly cluster: string;
  /** Host that calls name. */
  readonly authority: string;
} & (
  | {
      readonly kind: "zipkin";
      readonly path: string;
      readonly encoding: "json" | "proto";
      readonly traceId128Bit: boolean;
      /** The gateway's span is the client's too, where the client has one. */
      readonly sharedSpanContext: boolean;
    }
  | { readonly kind: "datadog" | "opentelemetry"; readonly serviceName: string }
);

/** What each span says beside Envoy's own words; fallback: what it says where there is no value, undefined: nothing. */
export type SpanTag = { readonly name: string } & (
  | { readonly kind: "literal"; readonly value: string }
  | { readonly kind: "environment"; readonly variable: string; readonly fallback: string | undefined }
  | { readonly kind: "requestHeader"; readonly header: string; readonly fallback: string | undefined }
);

export interface Tracing {
  readonly provider: TracingProvider;
  /** Percent; Envoy's default is 100 for each. client: of requests that ask for it. overall: of what the others let through. */
  readonly sampling: { readonly client?: number; readonly random?: number; readonly overall?: number };
  readonly tags: readonly SpanTag[];
}

/** Both are shared by all listeners; the same object for as long as nothing in it changes. */
export interface Telemetry {
  readonly logs: readonly GrpcAccessLog[];
  readonly tracing: Tracing | undefined;
}

export const noTelemetry: Telemetry = Object.freeze({ logs: [], tracing: undefined });
