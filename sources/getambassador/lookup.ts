import type {
  ConsulResolverResource,
  KubernetesEndpointResolverResource,
  KubernetesServiceResolverResource,
  ServiceResource,
} from "../../crds/resources.ts";
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

/** Answers what Mappings ask about other objects. Resolvers and TLSContexts are found by name from any namespace. */
export function contextLookup(
  services: readonly ServiceResource[],
  serviceResolvers: readonly KubernetesServiceResolverResource[],
  endpointResolvers: readonly KubernetesEndpointResolverResource[],
  consulResolvers: readonly ConsulResolverResource[],
  tls: TlsState,
  settings: CompileSettings,
): TargetLookup {
  const byKey = new Map(services.map((each) => [`${each.namespace}/${each.name}`, each]));
  const resolvers = new Map(implicit);
  for (const { name } of serviceResolvers) resolvers.set(name, service);
  for (const { name } of endpointResolvers) resolvers.set(name, endpoint);
  for (const resource of consulResolvers) {
    const { resolver } = buildConsulResolver(resource);
    if (resolver !== undefined) resolvers.set(resource.name, resolver);
  }
  return {
    service: (key) => byKey.get(key),
    resolver: (name) => resolvers.get(name),
    tlsContext(name, namespace) {
      const context = tls.context(name, namespace);
      return context === undefined ? undefined : (context.origination ?? "notReady");
    },
    inCluster: settings.inCluster,
    ownNamespace: settings.ownNamespace,
  };
}
