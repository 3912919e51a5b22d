/**
 * The meeting point: what a gateway does, with no word of Kubernetes or Emissary in it. Every dialect compiles to this,
 * and `xds/resources` turns it into Envoy's protos. Readonly, JSON-able (secrets print as [redacted]), durations in ms.
 */
import type { ObjectRef } from "./problem.ts";
import type { Redacted } from "./redacted.ts";
import type { GrpcAccessLog, Tracing } from "./telemetry.ts";

export type PathMatch =
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "exact"; readonly path: string }
  | { readonly kind: "regex"; readonly regex: string };

/** A condition on a request header or query parameter. `present` ignores the value. */
export type ValueMatch = { readonly name: string } & (
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "regex"; readonly regex: string }
  | { readonly kind: "present" }
);

export interface RouteMatch {
  readonly path: PathMatch;
  readonly caseSensitive: boolean;
  /** All must hold. The method is the header `:method`. */
  readonly headers: readonly ValueMatch[];
  readonly queryParameters: readonly ValueMatch[];
}

/** Settings of features by feature name; each value belongs to that feature alone (see features/feature.ts). */
export type FeatureSettings = Readonly<Record<string, unknown>>;

/** Endpoints of a Service, by EDS. */
export type ServiceEndpoints =
  /** The Service's ClusterIP: no DNS query, and the Service's own balancing. */
  | { readonly kind: "service"; readonly namespace: string; readonly name: string; readonly port: number }
  /** The Service's EndpointSlices: Envoy balances over Pods. */
  | { readonly kind: "slices"; readonly namespace: string; readonly name: string; readonly port: number | string }
  /** The healthy instances of a service in Consul. `address` is as written, variables and all; undefined: the environment's. */
  | {
      readonly kind: "consul";
      readonly address: string | undefined;
      readonly datacenter: string;
      readonly service: string;
    };

/** Endpoints that stand in the cluster itself. */
export type FixedEndpoints =
  /** A host name that DNS answers. */
  | { readonly kind: "dns"; readonly host: string; readonly port: number }
  /** An IP address. */
  | { readonly kind: "address"; readonly address: string; readonly port: number };

/** Where a cluster's endpoints come from: one place, or several of a sort in one pool. */
export type ClusterEndpoints =
  | ServiceEndpoints
  | FixedEndpoints
  | { readonly kind: "services"; readonly of: readonly ServiceEndpoints[] }
  | { readonly kind: "hosts"; readonly of: readonly FixedEndpoints[] };

/** TLS towards an upstream. */
export interface OriginationTls {
  readonly sni: string | undefined;
  /** SDS name of the client certificate. */
  readonly certificateSecret: string | undefined;
  /** SDS name of the CA that the upstream is verified against; undefined: not verified, as Emissary does. */
  readonly validationSecret: string | undefined;
  readonly parameters: TlsParameters;
}

/** Versions as Envoy names them; undefined: Envoy's default. */
export type TlsVersion = "TLSv1_0" | "TLSv1_1" | "TLSv1_2" | "TLSv1_3";

export interface TlsParameters {
  readonly minVersion: TlsVersion | undefined;
  readonly maxVersion: TlsVersion | undefined;
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
  readonly alpnProtocols: readonly string[];
}

export interface Cluster {
  /** Unique by content: two Mappings to the same target with the same settings share a cluster. */
  readonly name: string;
  /** Name in Envoy's statistics. */
  readonly statName: string;
  readonly endpoints: ClusterEndpoints;
  readonly tls: OriginationTls | undefined;
  readonly features: FeatureSettings;
}

export type RedirectCode = 301 | 302 | 303 | 307 | 308;

export type RouteAction =
  | { readonly kind: "forward"; readonly cluster: string }
  | {
      readonly kind: "redirect";
      readonly code: RedirectCode;
      /** Host of the Location; undefined keeps the request's. */
      readonly host: string | undefined;
      readonly https: boolean;
      readonly path: PathRedirect | undefined;
    };

export type PathRedirect =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "regex"; readonly pattern: string; readonly substitution: string };

/** A certificate or a CA, delivered by SDS under `name`. */
export type Secret =
  | { readonly kind: "certificate"; readonly name: string; readonly chain: Redacted; readonly key: Redacted }
  | { readonly kind: "validation"; readonly name: string; readonly ca: Redacted; readonly crl: Redacted | undefined }
  /** Envoy reads the files itself, and again when they change. */
  | { readonly kind: "certificateFiles"; readonly name: string; readonly chainPath: string; readonly keyPath: string }
  | {
      readonly kind: "validationFile";
      readonly name: string;
      readonly caPath: string;
      readonly crl: Redacted | undefined;
    };

/** Which object, and which of its fields, an Envoy resource came from. */
export interface Source {
  readonly object: ObjectRef;
  readonly path: readonly (string | number)[];
}

/** One Envoy route. Identity is stable while nothing it depends on changes: encoded bytes are remembered by it. */
export interface Route {
  /** Name of the object it came from; stands in Envoy's logs and config dump. */
  readonly name: string;
  readonly match: RouteMatch;
  /** Matches when the request's random value (0..99) is below it; undefined: always. Cumulative inside a canary group. */
  readonly belowPercent: number | undefined;
  readonly action: RouteAction;
  readonly features: FeatureSettings;
  readonly source: Source;
}

export interface VirtualHost {
  readonly name: string;
  /** Envoy's domains: exact, `*.x`, `x.*` or `*`. */
  readonly domain: string;
  /** What holds for its routes unless they say otherwise; absent: nothing. */
  readonly features?: FeatureSettings;
  readonly routes: readonly Route[];
}

/** A RouteConfiguration. */
export interface Table {
  readonly name: string;
  /** Host names match whatever port the request's Host header carries. */
  readonly ignorePort: boolean;
  readonly virtualHosts: readonly VirtualHost[];
  /** Domains of requests that came by the wrong connection: answered with 421. None of them is a virtual host's. */
  readonly misdirected: readonly string[];
  /** The UDP port at which clients are told to come by HTTP/3. */
  readonly http3Port: number | undefined;
}

/** TLS towards clients. */
export interface TerminationTls {
  readonly certificateSecret: string;
  /** SDS name of the CA that client certificates are verified against. */
  readonly validationSecret: string | undefined;
  readonly requireClientCertificate: boolean;
  readonly parameters: TlsParameters;
}

export interface HttpChain {
  readonly kind: "http";
  readonly name: string;
  /** SNI names (`*.x` allowed); empty: any client, with or without SNI. */
  readonly serverNames: readonly string[];
  readonly tls: TerminationTls | undefined;
  /** Name of the chain's table. */
  readonly table: string;
}

/** Connections that are handed on as they are, or as they are inside of their TLS. */
export interface TcpChain {
  readonly kind: "tcp";
  readonly name: string;
  /** Connections without TLS are not taken. */
  readonly onlyTls: boolean;
  /** SNI names (`*.x` allowed); empty: any. */
  readonly serverNames: readonly string[];
  /** undefined: TLS, if there is any, goes through. */
  readonly tls: TerminationTls | undefined;
  /** At least one; weights are relative to their sum. */
  readonly clusters: readonly WeightedCluster[];
  /** undefined: Envoy's hour. */
  readonly idleTimeoutMs: number | undefined;
  readonly sources: readonly Source[];
}

export interface WeightedCluster {
  readonly cluster: string;
  readonly weight: number;
}

export type Chain = HttpChain | TcpChain;

export interface Listener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly proxyProtocol: boolean;
  readonly tlsInspector: boolean;
  /** HTTP/3, on a UDP port. */
  readonly quic: boolean;
  readonly statPrefix: string;
  /** Proxies in front whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedHops: number;
  readonly http2MaxConcurrentStreams: number | undefined;
  readonly connectionManager: ConnectionManager;
  /** Where connections are logged that are handed on; nowhere unless it is there. */
  readonly connectionLogs?: readonly GrpcAccessLog[];
  /** Bytes that a connection may buffer; undefined: Envoy's default. */
  readonly bufferLimitBytes?: number;
  readonly chains: readonly Chain[];
  readonly source: Source;
}

/** proper: every name in Proper-Case. preserve: as whoever sent it wrote it. Without it names are in lower case. */
export type HeaderCase = "proper" | "preserve";

/** What becomes of x-forwarded-client-cert. Source: Envoy, ForwardClientCertDetails. */
export type ForwardClientCertificate =
  | "SANITIZE"
  | "FORWARD_ONLY"
  | "APPEND_FORWARD"
  | "SANITIZE_SET"
  | "ALWAYS_FORWARD_ONLY";

/** Settings of the HTTP connection manager that all listeners share. What is left out is Envoy's default, and switches are off. */
export interface ConnectionManager {
  readonly serverName: string;
  readonly useRemoteAddress: boolean;
  readonly accessLogs: readonly AccessLog[];
  /** Between the first byte of a request and the end of its headers; 0: any time. */
  readonly requestHeadersTimeoutMs: number;
  /** Between its first byte and its last. */
  readonly requestTimeoutMs?: number;
  readonly allowChunkedLength?: boolean;
  readonly acceptHttp10?: boolean;
  readonly headerCase?: HeaderCase;
  readonly forwardClientCertificate?: ForwardClientCertificate;
  /** What it tells of the client's certificate. */
  readonly clientCertificateDetails?: Readonly<Partial<Record<"subject" | "cert" | "chain" | "dns" | "uri", boolean>>>;
  readonly headersWithUnderscores?: "ALLOW" | "REJECT_REQUEST" | "DROP_HEADER";
  readonly idleTimeoutMs?: number;
  readonly maxRequestHeadersKb?: number;
  readonly mergeSlashes?: boolean;
  readonly preserveExternalRequestId?: boolean;
  readonly rejectEscapedSlashes?: boolean;
  readonly stripMatchingHostPort?: boolean;
  readonly suppressEnvoyHeaders?: boolean;
  readonly tracing?: Tracing;
}

/** Where a line for each request goes. */
export interface FileAccessLog {
  readonly kind: "file";
  /** undefined: the gateway's standard output. */
  readonly path: string | undefined;
  readonly format: AccessLogFormat;
}

export type AccessLog = FileAccessLog | GrpcAccessLog;

export type AccessLogFormat =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "json"; readonly fields: JsonFields };

export interface JsonFields {
  readonly [name: string]: JsonField;
}
export type JsonField = string | number | boolean | null | readonly JsonField[] | JsonFields;

/** An HTTP filter that every request passes; its settings belong to the filter of that name alone (see filters/filter.ts). */
export interface HttpFilter {
  readonly name: string;
  /** The settings of the whole gateway that ask for it, by key; undefined: another object does, or none. */
  readonly keys?: readonly string[];
  /** The objects that ask for it, where the settings of the whole gateway do not. */
  readonly askedBy?: readonly ObjectRef[];
  readonly settings: unknown;
}

/** Envoy's runtime, by key. */
export type RuntimeFlags = Readonly<Record<string, number | boolean>>;

export interface Ir {
  /** The object that has the settings of the whole gateway; undefined: all are defaults. */
  readonly owner: ObjectRef | undefined;
  readonly runtime: RuntimeFlags;
  readonly listeners: readonly Listener[];
  /** In the order in which requests pass them. */
  readonly filters: readonly HttpFilter[];
  /** By name. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly secrets: ReadonlyMap<string, Secret>;
}
