import type {
  ConsulResolverResource,
  KubernetesEndpointResolverResource,
  KubernetesServiceResolverResource,
  ServiceResource,
} from "../../crds/resources.ts";
import { diffLists } from "../../ir/aligned.ts";
import { BucketMap, diffMaps } from "../../ir/bucket-map.ts";
import { keyOf } from "../../ir/resource.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { buildConsulResolver, implicitConsul } from "./consul.ts";
import { DEFAULT_RESOLVER, type Resolver, type TargetLookup } from "./target.ts";
import type { TlsState } from "./tls.ts";

const service: Resolver = { kind: "service" };
const endpoint: Resolver = { kind: "endpoint" };

/** Resolvers that need no object. Source: Emissary's implicit resolvers. */
const implicit: ReadonlyMap<string, Resolver> = new Map<string, Resolver>([
  [DEFAULT_RESOLVER, service],
  ["endpoint", endpoint],
  ["kubernetes-endpoint", endpoint],
  ["consul", implicitConsul],
  ["consul-endpoint", implicitConsul],
]);

/** Fields of the Kubernetes resolvers' specs: such a resolver is its name and its kind. */
export const resolverFieldNames: ReadonlySet<string> = new Set(["ambassador_id"]);

/** Services by key. A change of one costs its place, not a map of all. */
export function serviceIndex(): (services: readonly ServiceResource[]) => ServicesByKey {
  let last: readonly ServiceResource[] = [];
  let byKey = BucketMap.of<ServiceResource>();
  return (services) => {
    const { removed, added } = diffLists(last, services);
    last = services;
    const come = added.map((each) => [keyOf(each), each] as const);
    const there = new Set(come.map(([key]) => key));
    byKey = byKey.with(
      come,
      removed.map(keyOf).filter((key) => !there.has(key)),
    );
    return byKey;
  };
}

type ServicesByKey = ReadonlyMap<string, ServiceResource>;

/** What lookups answer about Services, and about all else: the latter by identity, since all that it rests on is in it. */
const answersOf = new WeakMap<TargetLookup, { readonly services: ServicesByKey; readonly others: Others }>();

/** Answers what Mappings ask about other objects. */
export function lookupIn(services: ServicesByKey, others: Others): TargetLookup {
  const lookup: TargetLookup = {
    ...others,
    service: (key) => services.get(key),
    changedServices(since) {
      const before = answersOf.get(since);
      if (before?.others !== others) return undefined;
      const { changed, gone } = diffMaps(before.services, services);
      return new Set([...changed.map(([key]) => key), ...gone]);
    },
  };
  answersOf.set(lookup, { services, others });
  return lookup;
}

type Others = Omit<TargetLookup, "service" | "changedServices">;

/** Resolvers and TLSContexts are found by name from any namespace. */
export function otherAnswers(
  serviceResolvers: readonly KubernetesServiceResolverResource[],
  endpointResolvers: readonly KubernetesEndpointResolverResource[],
  consulResolvers: readonly ConsulResolverResource[],
  tls: TlsState,
  settings: CompileSettings,
): Others {
  const resolvers = new Map(implicit);
  for (const { name } of serviceResolvers) resolvers.set(name, service);
  for (const { name } of endpointResolvers) resolvers.set(name, endpoint);
  for (const resource of consulResolvers) {
    const { resolver } = buildConsulResolver(resource);
    if (resolver !== undefined) resolvers.set(resource.name, resolver);
  }
  return {
    resolver: (name) => resolvers.get(name),
    tlsContext(name, namespace) {
      const context = tls.context(name, namespace);
      return context === undefined ? undefined : (context.origination ?? "notReady");
    },
    inCluster: settings.inCluster,
    ownNamespace: settings.ownNamespace,
  };
}
