import { compareText, type ObjectRef, type Problem, type Result } from "../ir/problem.ts";
import { keyOf, type Resource } from "../ir/resource.ts";
import type { EndpointSliceSpec, NamespaceSpec, SecretSpec, ServiceSpec } from "./core.ts";
import type { HostSpec } from "./host.ts";
import type { IngressClassSpec, IngressSpec } from "./ingress.ts";
import type { KnativeIngressSpec } from "./knative-ingress.ts";
import type { TCPMappingSpec } from "./tcp-mapping.ts";
import type { AuthServiceSpec } from "./auth-service.ts";
import type { RateLimitServiceSpec } from "./rate-limit-service.ts";
import type { LogServiceSpec } from "./log-service.ts";
import type { TracingServiceSpec } from "./tracing-service.ts";
import type { DevPortalSpec } from "./dev-portal.ts";
import type { ConsulResolverSpec } from "./consul-resolver.ts";
import type { KubernetesEndpointResolverSpec } from "./kubernetes-endpoint-resolver.ts";
import type { KubernetesServiceResolverSpec } from "./kubernetes-service-resolver.ts";
import type { ListenerSpec } from "./listener.ts";
import type { MappingSpec } from "./mapping.ts";
import type { ModuleSpec } from "./module.ts";
import type { TLSContextSpec } from "./tls-context.ts";

/** Spec by kind: what parseResource yields. */
export interface Specs {
  Mapping: MappingSpec;
  Host: HostSpec;
  Listener: ListenerSpec;
  TLSContext: TLSContextSpec;
  Module: ModuleSpec;
  KubernetesServiceResolver: KubernetesServiceResolverSpec;
  KubernetesEndpointResolver: KubernetesEndpointResolverSpec;
  TCPMapping: TCPMappingSpec;
  AuthService: AuthServiceSpec;
  RateLimitService: RateLimitServiceSpec;
  LogService: LogServiceSpec;
  TracingService: TracingServiceSpec;
  DevPortal: DevPortalSpec;
  ConsulResolver: ConsulResolverSpec;
  Service: ServiceSpec;
  EndpointSlice: EndpointSliceSpec;
  Secret: SecretSpec;
  Namespace: NamespaceSpec;
  Ingress: IngressSpec;
  IngressClass: IngressClassSpec;
  KnativeIngress: KnativeIngressSpec;
}

export type ResourceOf<Kind extends keyof Specs> = Resource<Specs[Kind]> & { readonly kind: Kind };

export type MappingResource = ResourceOf<"Mapping">;
export type HostResource = ResourceOf<"Host">;
export type ListenerResource = ResourceOf<"Listener">;
export type TLSContextResource = ResourceOf<"TLSContext">;
export type ModuleResource = ResourceOf<"Module">;
export type KubernetesServiceResolverResource = ResourceOf<"KubernetesServiceResolver">;
export type KubernetesEndpointResolverResource = ResourceOf<"KubernetesEndpointResolver">;
export type TCPMappingResource = ResourceOf<"TCPMapping">;
export type AuthServiceResource = ResourceOf<"AuthService">;
export type RateLimitServiceResource = ResourceOf<"RateLimitService">;
export type LogServiceResource = ResourceOf<"LogService">;
export type TracingServiceResource = ResourceOf<"TracingService">;
export type DevPortalResource = ResourceOf<"DevPortal">;
export type ConsulResolverResource = ResourceOf<"ConsulResolver">;
export type ServiceResource = ResourceOf<"Service">;
export type EndpointSliceResource = ResourceOf<"EndpointSlice">;
export type SecretResource = ResourceOf<"Secret">;
export type NamespaceResource = ResourceOf<"Namespace">;
export type IngressResource = ResourceOf<"Ingress">;
export type IngressClassResource = ResourceOf<"IngressClass">;
export type KnativeIngressResource = ResourceOf<"KnativeIngress">;

export type AnyResource = { [Kind in keyof Specs]: ResourceOf<Kind> }[keyof Specs];

/** Everything that compile reads: per kind sorted by key, no key twice. */
export interface Resources {
  readonly mappings: readonly MappingResource[];
  readonly hosts: readonly HostResource[];
  readonly listeners: readonly ListenerResource[];
  readonly tlsContexts: readonly TLSContextResource[];
  readonly modules: readonly ModuleResource[];
  readonly serviceResolvers: readonly KubernetesServiceResolverResource[];
  readonly endpointResolvers: readonly KubernetesEndpointResolverResource[];
  readonly tcpMappings: readonly TCPMappingResource[];
  readonly authServices: readonly AuthServiceResource[];
  readonly rateLimitServices: readonly RateLimitServiceResource[];
  readonly logServices: readonly LogServiceResource[];
  readonly tracingServices: readonly TracingServiceResource[];
  readonly devPortals: readonly DevPortalResource[];
  readonly consulResolvers: readonly ConsulResolverResource[];
  readonly services: readonly ServiceResource[];
  readonly endpointSlices: readonly EndpointSliceResource[];
  readonly secrets: readonly SecretResource[];
  readonly namespaces: readonly NamespaceResource[];
  readonly ingresses: readonly IngressResource[];
  readonly ingressClasses: readonly IngressClassResource[];
  readonly knativeIngresses: readonly KnativeIngressResource[];
}

/**
 * The list by kind and key. Of objects with the same kind, namespace and name the first is kept, by file and line and
 * then by the list's order; each other one is a DuplicateObject error that names both places.
 */
export function sortResources(list: Iterable<AnyResource>): Result<Resources> {
  const byKind: { [Kind in keyof Specs]: ResourceOf<Kind>[] } = {
    Mapping: [],
    Host: [],
    Listener: [],
    TLSContext: [],
    Module: [],
    KubernetesServiceResolver: [],
    KubernetesEndpointResolver: [],
    TCPMapping: [],
    AuthService: [],
    RateLimitService: [],
    LogService: [],
    TracingService: [],
    DevPortal: [],
    ConsulResolver: [],
    Service: [],
    EndpointSlice: [],
    Secret: [],
    Namespace: [],
    Ingress: [],
    IngressClass: [],
    KnativeIngress: [],
  };
  for (const resource of list) (byKind[resource.kind] as AnyResource[]).push(resource);
  const problems: Problem[] = [];
  const sorted = <Item extends AnyResource>(items: readonly Item[]): readonly Item[] => sortKind(items, problems);
  const value = {
    mappings: sorted(byKind.Mapping),
    hosts: sorted(byKind.Host),
    listeners: sorted(byKind.Listener),
    tlsContexts: sorted(byKind.TLSContext),
    modules: sorted(byKind.Module),
    serviceResolvers: sorted(byKind.KubernetesServiceResolver),
    endpointResolvers: sorted(byKind.KubernetesEndpointResolver),
    tcpMappings: sorted(byKind.TCPMapping),
    authServices: sorted(byKind.AuthService),
    rateLimitServices: sorted(byKind.RateLimitService),
    logServices: sorted(byKind.LogService),
    tracingServices: sorted(byKind.TracingService),
    devPortals: sorted(byKind.DevPortal),
    consulResolvers: sorted(byKind.ConsulResolver),
    services: sorted(byKind.Service),
    endpointSlices: sorted(byKind.EndpointSlice),
    secrets: sorted(byKind.Secret),
    namespaces: sorted(byKind.Namespace),
    ingresses: sorted(byKind.Ingress),
    ingressClasses: sorted(byKind.IngressClass),
    knativeIngresses: sorted(byKind.KnativeIngress),
  };
  return { value, problems };
}

function sortKind<Item extends AnyResource>(items: readonly Item[], problems: Problem[]): readonly Item[] {
  const keyed = items.map((item) => ({ key: keyOf(item), item }));
  keyed.sort((a, b) => compareText(a.key, b.key) || comparePlace(a.item, b.item));
  const kept: Item[] = [];
  let first: (typeof keyed)[number] | undefined;
  for (const entry of keyed) {
    if (first?.key === entry.key) {
      problems.push(duplicate(entry.item, first.item));
      continue;
    }
    first = entry;
    kept.push(entry.item);
  }
  return kept;
}

function comparePlace(a: ObjectRef, b: ObjectRef): number {
  return compareText(a.origin?.file ?? "", b.origin?.file ?? "") || (a.origin?.line ?? 0) - (b.origin?.line ?? 0);
}

function duplicate(refused: AnyResource, kept: AnyResource): Problem {
  const { kind, namespace, name, origin } = refused;
  return {
    code: "DuplicateObject",
    severity: "error",
    object: { kind, namespace, name, origin },
    path: [],
    message: `there are two of this name: ${placeOf(kept)} is used, ${placeOf(refused)} is not`,
    advice: "rename or remove one of them",
  };
}

function placeOf({ origin }: ObjectRef): string {
  return origin === undefined ? "the one in the cluster" : `${origin.file}:${origin.line}`;
}
