/**
 * The one table of kinds. CRDs, their reference, the parser, informers, webhooks and Pepr's capabilities all come from
 * it, so a kind is added by a schema and a row. It imports no Pepr: the gateway reads it too.
 */
import type { z } from "zod";
import { group, version } from "../crds/common.ts";
import { endpointSliceSchema, namespaceSchema, secretSchema, serviceSchema } from "../crds/core.ts";
import { ingressClassSchema, ingressSchema } from "../crds/ingress.ts";
import { knativeIngressSchema } from "../crds/knative-ingress.ts";
import { hostSpecSchema } from "../crds/host.ts";
import { kubernetesEndpointResolverSpecSchema } from "../crds/kubernetes-endpoint-resolver.ts";
import { kubernetesServiceResolverSpecSchema } from "../crds/kubernetes-service-resolver.ts";
import { listenerSpecSchema } from "../crds/listener.ts";
import { mappingSpecSchema } from "../crds/mapping.ts";
import { moduleSpecSchema } from "../crds/module.ts";
import { hostStatusSchema, mappingStatusSchema, statusSchema } from "../crds/status.ts";
import { tlsContextSpecSchema } from "../crds/tls-context.ts";
import { tcpMappingSpecSchema } from "../crds/tcp-mapping.ts";
import { authServiceSpecSchema } from "../crds/auth-service.ts";
import { rateLimitServiceSpecSchema } from "../crds/rate-limit-service.ts";
import { logServiceSpecSchema } from "../crds/log-service.ts";
import { tracingServiceSpecSchema } from "../crds/tracing-service.ts";
import { devPortalSpecSchema } from "../crds/dev-portal.ts";
import { consulResolverSpecSchema } from "../crds/consul-resolver.ts";

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  /** With `-o wide` alone. */
  readonly wide?: true;
}

interface AnyKind {
  readonly kind: string;
  /** As manifests write it, where another group has a kind of the same name. */
  readonly writtenKind?: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  /** Of `spec` for kinds of ours, of the whole object for Kubernetes' own. */
  readonly schema: z.ZodType;
  /** An informer reads it. */
  readonly watched: boolean;
  /** compile reads it, so that a verdict may rest on it. Endpoints go to Envoy without a compile. */
  readonly compiled: boolean;
  /** The admission webhook judges it; `annotated`: where it holds objects in the annotation getambassador.io/config. */
  readonly validated: boolean | "annotated";
  /** The gateway writes its status. */
  readonly statusWritten?: true;
}

/** A kind of ours: there is a CRD for it. */
export interface CustomKind extends AnyKind {
  readonly source: "crd";
  readonly status: z.ZodType;
  readonly statusSubresource: true;
  readonly printerColumns: readonly PrinterColumn[];
  readonly category: "ambassador-crds";
}

export interface CoreKind extends AnyKind {
  readonly source: "kubernetes";
}

const age = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" } as const;

function column(name: string, jsonPath: string): PrinterColumn {
  return { name, type: "string", jsonPath };
}

function conditionColumn(name: string, type: string, field: "status" | "reason" | "message"): PrinterColumn {
  return column(name, `.status.conditions[?(@.type=="${type}")].${field}`);
}

/** Columns of its own, and then what became of the object: the same for every kind. */
function told(...own: readonly PrinterColumn[]): readonly PrinterColumn[] {
  return [
    ...own,
    conditionColumn("Accepted", "Accepted", "status"),
    conditionColumn("Programmed", "Programmed", "status"),
    conditionColumn("Reason", "Programmed", "reason"),
    age,
    { ...conditionColumn("Resolved", "ResolvedRefs", "status"), wide: true },
    { ...conditionColumn("Message", "Accepted", "message"), wide: true },
    { ...conditionColumn("Proxies", "Programmed", "message"), wide: true },
  ];
}

const custom = {
  source: "crd",
  group,
  version,
  scope: "Namespaced",
  status: statusSchema,
  statusSubresource: true,
  printerColumns: told(),
  category: "ambassador-crds",
  watched: true,
  compiled: true,
  validated: true,
} as const;

const core = {
  source: "kubernetes",
  group: "",
  version: "v1",
  scope: "Namespaced",
  watched: true,
  compiled: true,
  validated: false,
} as const;

export const customKinds = [
  {
    ...custom,
    kind: "Listener",
    plural: "listeners",
    singular: "listener",
    schema: listenerSpecSchema,
    printerColumns: told(
      column("Port", ".spec.port"),
      column("Protocol", ".spec.protocol"),
      column("Stack", ".spec.protocolStack"),
      column("StatsPrefix", ".spec.statsPrefix"),
      column("Security", ".spec.securityModel"),
      column("L7Depth", ".spec.l7Depth"),
    ),
  },
  {
    ...custom,
    kind: "Host",
    plural: "hosts",
    singular: "host",
    schema: hostSpecSchema,
    status: hostStatusSchema,
    printerColumns: told(column("Hostname", ".spec.hostname"), column("State", ".status.state")),
  },
  {
    ...custom,
    kind: "Mapping",
    plural: "mappings",
    singular: "mapping",
    schema: mappingSpecSchema,
    status: mappingStatusSchema,
    printerColumns: told(
      // Emissary prints .spec.host, which is deprecated and so is empty where hostname is used.
      column("Source Host", ".spec.hostname"),
      column("Source Prefix", ".spec.prefix"),
      column("Dest Service", ".spec.service"),
    ),
  },
  {
    ...custom,
    kind: "TLSContext",
    plural: "tlscontexts",
    singular: "tlscontext",
    schema: tlsContextSpecSchema,
    printerColumns: told(column("Secret", ".spec.secret")),
  },
  { ...custom, kind: "Module", plural: "modules", singular: "module", schema: moduleSpecSchema },
  {
    ...custom,
    kind: "KubernetesServiceResolver",
    plural: "kubernetesserviceresolvers",
    singular: "kubernetesserviceresolver",
    schema: kubernetesServiceResolverSpecSchema,
  },
  {
    ...custom,
    kind: "KubernetesEndpointResolver",
    plural: "kubernetesendpointresolvers",
    singular: "kubernetesendpointresolver",
    schema: kubernetesEndpointResolverSpecSchema,
  },
  {
    ...custom,
    kind: "TCPMapping",
    plural: "tcpmappings",
    singular: "tcpmapping",
    schema: tcpMappingSpecSchema,
    printerColumns: told(
      column("Port", ".spec.port"),
      column("Host", ".spec.host"),
      column("Dest Service", ".spec.service"),
    ),
  },
  {
    ...custom,
    kind: "AuthService",
    plural: "authservices",
    singular: "authservice",
    schema: authServiceSpecSchema,
    printerColumns: told(column("Service", ".spec.auth_service")),
  },
  {
    ...custom,
    kind: "RateLimitService",
    plural: "ratelimitservices",
    singular: "ratelimitservice",
    schema: rateLimitServiceSpecSchema,
    printerColumns: told(column("Service", ".spec.service")),
  },
  {
    ...custom,
    kind: "LogService",
    plural: "logservices",
    singular: "logservice",
    schema: logServiceSpecSchema,
    printerColumns: told(column("Service", ".spec.service")),
  },
  {
    ...custom,
    kind: "TracingService",
    plural: "tracingservices",
    singular: "tracingservice",
    schema: tracingServiceSpecSchema,
    printerColumns: told(column("Service", ".spec.service")),
  },
  { ...custom, kind: "DevPortal", plural: "devportals", singular: "devportal", schema: devPortalSpecSchema },
  {
    ...custom,
    kind: "ConsulResolver",
    plural: "consulresolvers",
    singular: "consulresolver",
    schema: consulResolverSpecSchema,
    printerColumns: told(column("Address", ".spec.address")),
  },
] as const satisfies readonly CustomKind[];

export const coreKinds = [
  {
    ...core,
    kind: "Service",
    plural: "services",
    singular: "service",
    validated: "annotated",
    schema: serviceSchema,
  },
  {
    ...core,
    kind: "EndpointSlice",
    group: "discovery.k8s.io",
    plural: "endpointslices",
    singular: "endpointslice",
    compiled: false,
    schema: endpointSliceSchema,
  },
  { ...core, kind: "Secret", plural: "secrets", singular: "secret", schema: secretSchema },
  {
    ...core,
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    scope: "Cluster",
    watched: false,
    compiled: false,
    schema: namespaceSchema,
  },
  {
    ...core,
    kind: "Ingress",
    group: "networking.k8s.io",
    plural: "ingresses",
    singular: "ingress",
    validated: true,
    statusWritten: true,
    schema: ingressSchema,
  },
  {
    ...core,
    kind: "IngressClass",
    group: "networking.k8s.io",
    plural: "ingressclasses",
    singular: "ingressclass",
    scope: "Cluster",
    schema: ingressClassSchema,
  },
  {
    ...core,
    kind: "KnativeIngress",
    writtenKind: "Ingress",
    group: "networking.internal.knative.dev",
    version: "v1alpha1",
    plural: "ingresses",
    singular: "ingress",
    // By AMBASSADOR_KNATIVE_SUPPORT alone.
    watched: false,
    compiled: false,
    schema: knativeIngressSchema,
  },
] as const satisfies readonly CoreKind[];

export const kinds = [...customKinds, ...coreKinds] as const;

export type Kind = (typeof kinds)[number];
export type KindName = Kind["kind"];

/** `v1` or `getambassador.io/v3alpha1`, as manifests write it. */
export function apiVersionOf({ group, version }: Pick<AnyKind, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}
