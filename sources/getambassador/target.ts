import type { MappingSpec } from "../../crds/mapping.ts";
import type { Defaults } from "../../features/defaults.ts";
import type { ServiceSpec } from "../../crds/core.ts";
import { type FeatureResult, type FieldProblem, refused, type Upstream } from "../../features/feature.ts";
import type { ObjectRef } from "../../ir/problem.ts";
import type { ClusterEndpoints, OriginationTls, TlsParameters } from "../../ir/types.ts";
import { type ConsulResolver, consulService } from "./consul.ts";
import { parseService, type ServiceAddress, type ServiceKey, serviceKey } from "./service-name.ts";

/** What a service string can refer to. Each answer is an object whose identity changes when it does. */
export interface TargetLookup {
  /** @param key `namespace/name` */
  service(key: string): (ObjectRef & { readonly spec: ServiceSpec }) | undefined;
  resolver(name: string): Resolver | undefined;
  /** A TLSContext by name, as origination settings. */
  tlsContext(name: string, namespace: string): OriginationTls | "notReady" | undefined;
  /** All Services are known and their ClusterIPs answer. Otherwise (files) an unknown name may be a DNS name, and only EndpointSlices lead to a Service. */
  readonly inCluster: boolean;
  /** Namespace whose names are short for Mappings of every namespace, and the gateway's own. */
  readonly ownNamespace: string;
  /** Keys of the Services that are answered otherwise than by an earlier lookup; undefined: other answers may have changed too. */
  changedServices(since: TargetLookup): ReadonlySet<string> | undefined;
}

export type Resolver = { readonly kind: "service" } | { readonly kind: "endpoint" } | ConsulResolver;

export interface Target {
  readonly endpoints: ClusterEndpoints;
  readonly tls: OriginationTls | undefined;
  readonly host: string;
  readonly port: number;
  /** The same in the words of features. */
  readonly upstream: Upstream;
}

export interface TargetInput {
  readonly spec: Pick<MappingSpec, "service" | "resolver" | "tls" | "grpc">;
  readonly namespace: string;
  readonly defaults: Defaults;
  readonly lookup: TargetLookup;
}

export const DEFAULT_RESOLVER = "kubernetes-service";

/** Where a Mapping's requests go, from `service`, `resolver` and `tls`. */
export function targetOf({ spec, namespace, defaults, lookup }: TargetInput): FeatureResult<Target> {
  const parsed = parseService(spec.service);
  if (!parsed.ok) {
    return refused({ code: "InvalidService", path: ["service"], message: parsed.message, advice: parsed.advice });
  }
  const resolverName = spec.resolver ?? defaults.resolver ?? DEFAULT_RESOLVER;
  const resolver = lookup.resolver(resolverName);
  if (resolver === undefined) {
    return refused({
      code: "ResolverNotFound",
      path: spec.resolver === undefined ? ["service"] : ["resolver"],
      message: `there is no resolver ${JSON.stringify(resolverName)}`,
      advice:
        "apply a KubernetesServiceResolver, KubernetesEndpointResolver or ConsulResolver of that name, or leave resolver out",
    });
  }
  const tls = originationOf({ spec, namespace, lookup, address: parsed.address });
  if (tls.problems.length > 0) return { value: undefined, problems: tls.problems };
  const { address } = parsed;
  const problems: FieldProblem[] = [];
  const { host, port } = address;
  const from = lookupNamespace(namespace, defaults, lookup);
  let endpoints: ClusterEndpoints;
  if (resolver.kind === "consul") {
    const found = consulService(spec.service, address, resolver);
    problems.push(...found.problems);
    if (found.value === undefined) return { value: undefined, problems };
    endpoints = found.value;
  } else endpoints = endpointsOf({ address, namespace: from, resolver, lookup, problems });
  const upstream: Upstream = {
    host: resolver.kind === "consul" ? host : qualified(address, from, lookup),
    port,
    endpoints: endpoints.kind,
    http2: spec.grpc === true,
    balanced: resolver.kind !== "service",
  };
  return { value: { endpoints, tls: tls.value, host, port, upstream }, problems };
}

/** Source: Emissary `irbasemapping.py` normalize_service_name. */
function qualified({ host, isAddress }: ServiceAddress, namespace: string, { ownNamespace }: TargetLookup): string {
  const isName = !isAddress && !host.includes(".") && host !== "localhost";
  return isName && namespace !== ownNamespace ? `${host}.${namespace}` : host;
}

function lookupNamespace(namespace: string, defaults: Defaults, lookup: TargetLookup): string {
  return defaults.use_ambassador_namespace_for_service_resolution === true ? lookup.ownNamespace : namespace;
}

const noParameters: TlsParameters = {
  minVersion: undefined,
  maxVersion: undefined,
  cipherSuites: [],
  ecdhCurves: [],
  alpnProtocols: [],
};

/** https:// alone encrypts without a client certificate and without verification, as Emissary does. */
const plainTls: OriginationTls = {
  sni: undefined,
  certificateSecret: undefined,
  validationSecret: undefined,
  parameters: noParameters,
};

function originationOf(input: {
  readonly spec: TargetInput["spec"];
  readonly namespace: string;
  readonly lookup: TargetLookup;
  readonly address: ServiceAddress;
}): FeatureResult<OriginationTls> {
  const { spec, namespace, lookup, address } = input;
  const name = spec.tls;
  if (name === undefined || name === "") return { value: address.tls ? plainTls : undefined, problems: [] };
  const context = lookup.tlsContext(name, namespace);
  if (context === "notReady") {
    return refused({
      code: "TlsContextNotReady",
      path: ["tls"],
      message: `the TLSContext ${JSON.stringify(name)} has a problem of its own, mostly a Secret that is missing`,
      advice: "see what is said of it; the Mapping is used as soon as that is solved",
    });
  }
  if (context !== undefined) return { value: context, problems: [] };
  return refused({
    code: "TlsContextNotFound",
    path: ["tls"],
    message: `there is no TLSContext ${JSON.stringify(name)}`,
    advice:
      "apply a TLSContext of that name; for TLS without a client certificate write https:// before the service instead",
  });
}

interface EndpointsInput {
  readonly address: ServiceAddress;
  readonly namespace: string;
  readonly resolver: Resolver;
  readonly lookup: TargetLookup;
  readonly problems: FieldProblem[];
}

function endpointsOf({ address, namespace, resolver, lookup, problems }: EndpointsInput): ClusterEndpoints {
  const { host, port } = address;
  if (address.isAddress) return { kind: "address", address: host, port };
  const dns: ClusterEndpoints = { kind: "dns", host, port };
  const key = serviceKey(host, namespace);
  if (key === undefined) return dns;
  const service = lookup.service(`${key.namespace}/${key.name}`);
  if (service === undefined) return unknownService({ key, dns, port, lookup, problems });
  const { spec } = service;
  if (spec.type === "ExternalName") return { kind: "dns", host: spec.externalName ?? host, port };
  const servicePort = (spec.ports ?? []).find((candidate) => candidate.port === port);
  if (servicePort === undefined && (spec.ports ?? []).length > 0) problems.push(unknownPort(key, port, spec));
  const headless = spec.clusterIP === "None" || spec.clusterIP === undefined || spec.clusterIP === "";
  if (resolver.kind === "endpoint" || headless || !lookup.inCluster) {
    return {
      kind: "slices",
      namespace: key.namespace,
      name: key.name,
      port: servicePort?.name ?? (servicePort === undefined ? port : ""),
    };
  }
  return { kind: "service", namespace: key.namespace, name: key.name, port };
}

function unknownPort(key: ServiceKey, port: number, spec: ServiceSpec): FieldProblem {
  const ports = (spec.ports ?? []).map((each) =>
    each.name === undefined ? `${each.port}` : `${each.port} (${each.name})`,
  );
  return {
    code: "ServiceNotFound",
    severity: "warning",
    path: ["service"],
    message: `the Service ${key.namespace}/${key.name} has no port ${port}`,
    advice: `write one of its ports after a colon: ${ports.join(", ")}`,
  };
}

function unknownService(input: {
  readonly key: ServiceKey;
  readonly dns: ClusterEndpoints;
  readonly port: number;
  readonly lookup: TargetLookup;
  readonly problems: FieldProblem[];
}): ClusterEndpoints {
  const { key, dns, port, lookup, problems } = input;
  if (!key.certain || !lookup.inCluster) return dns;
  problems.push({
    code: "ServiceNotFound",
    severity: "warning",
    path: ["service"],
    message: `there is no Service ${key.namespace}/${key.name}`,
    advice: "requests get 503 until it exists; for a Service in another namespace write name.namespace",
  });
  return { kind: "service", namespace: key.namespace, name: key.name, port };
}
