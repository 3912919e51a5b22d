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

/** Both are shared by all listeners; the same object for as long as nothing in it changes. */
export interface Telemetry {
  readonly logs: readonly GrpcAccessLog[];
}

export const noTelemetry: Telemetry = Object.freeze({ logs: [] });
