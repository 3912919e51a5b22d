/** Manifests as YAML text, to be put one after another. JSON is YAML. */
function document(object: unknown): string {
  return `---\n${JSON.stringify(object)}\n`;
}

type Spec = Readonly<Record<string, unknown>>;

/** The Module `ambassador`. */
export function moduleOf(config: Spec, annotations: Readonly<Record<string, string>> = {}): string {
  return document({
    apiVersion: "getambassador.io/v3alpha1",
    kind: "Module",
    metadata: { name: "ambassador", annotations },
    spec: { config },
  });
}

/** A Service with one port, and an EndpointSlice with these addresses, each ready. */
export function serviceWith(name: string, port: number, addresses: readonly string[]): string {
  const metadata = { name };
  return (
    document({ apiVersion: "v1", kind: "Service", metadata, spec: { clusterIP: "10.96.0.1", ports: [{ port }] } }) +
    document({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: [{ port }],
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    })
  );
}

export function hostOf(name: string, spec: Spec, labels: Readonly<Record<string, string>> = {}): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "Host", metadata: { name, labels }, spec });
}

export function listenerOf(name: string, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "Listener", metadata: { name }, spec });
}

/** A KubernetesServiceResolver, KubernetesEndpointResolver or ConsulResolver. */
export function resolverOf(kind: string, name: string, spec: Spec = {}): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind, metadata: { name }, spec });
}

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A Mapping with labels or in a namespace; `mapping` of gateway.ts is for the others. It has no hostname unless the spec says so. */
export function mappingWith(metadata: Metadata, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", metadata, spec });
}

/** A Secret of the type kubernetes.io/tls, or with other data. */
export function secretOf(name: string, data: Readonly<Record<string, string>>): string {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
  const type = "tls.key" in data ? "kubernetes.io/tls" : "Opaque";
  return document({ apiVersion: "v1", kind: "Secret", metadata: { name }, type, data: Object.fromEntries(encoded) });
}

export function tlsContextOf(name: string, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "TLSContext", metadata: { name }, spec });
}

export function authServiceOf(name: string, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "AuthService", metadata: { name }, spec });
}

export function rateLimitServiceOf(name: string, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "RateLimitService", metadata: { name }, spec });
}

/** A Module of any name. */
export function moduleNamed(name: string, config: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "Module", metadata: { name }, spec: { config } });
}

export function tcpMappingOf(name: string, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "TCPMapping", metadata: { name }, spec });
}

export function logServiceOf(name: string, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "LogService", metadata: { name }, spec });
}

export function tracingServiceOf(name: string, spec: Spec): string {
  return document({ apiVersion: "getambassador.io/v3alpha1", kind: "TracingService", metadata: { name }, spec });
}
