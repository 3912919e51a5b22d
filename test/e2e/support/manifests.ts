import type { Certificate } from "../../support/certificates.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

type Spec = Readonly<Record<string, unknown>>;

/** As kubectl takes them: YAML documents. JSON is YAML. */
export function documents(...manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `---\n${JSON.stringify(manifest)}\n`).join("");
}

/** `name`, or `namespace/name`. */
function metadataOf(name: string): { readonly name: string; readonly namespace: string } {
  const [first = "", second] = name.split("/");
  return second === undefined ? { name: first, namespace: "default" } : { namespace: first, name: second };
}

/** An object of getambassador.io/v3alpha1. `name` may be `namespace/name`. */
export function ambassador(
  kind: string,
  name: string,
  spec: Spec,
  labels?: Readonly<Record<string, string>>,
): Manifest {
  const metadata = { ...metadataOf(name), ...(labels === undefined ? {} : { labels }) };
  return { apiVersion: "getambassador.io/v3alpha1", kind, metadata, spec };
}

export const mapping = (name: string, spec: Spec, labels?: Readonly<Record<string, string>>): Manifest =>
  ambassador("Mapping", name, { hostname: "*", ...spec }, labels);

export const host = (name: string, spec: Spec, labels?: Readonly<Record<string, string>>): Manifest =>
  ambassador("Host", name, spec, labels);

export const tlsContext = (name: string, spec: Spec): Manifest => ambassador("TLSContext", name, spec);

/** A Listener that takes every Host, unless the spec says otherwise. */
export const listener = (name: string, port: number, spec: Spec = {}): Manifest =>
  ambassador("Listener", name, {
    port,
    protocol: "HTTP",
    securityModel: "XFP",
    hostBinding: { namespace: { from: "ALL" } },
    ...spec,
  });

/** A Host that serves cleartext. */
export const cleartextHost = (name: string, hostname: string, spec: Spec = {}): Manifest =>
  host(name, { hostname, requestPolicy: { insecure: { action: "Route" } }, ...spec });

export function service(name: string, port: number, { headless = false } = {}): Manifest {
  const spec = { ports: [{ port }], ...(headless ? { clusterIP: "None" } : {}) };
  return { apiVersion: "v1", kind: "Service", metadata: metadataOf(name), spec };
}

export interface SliceOptions {
  /** Of the slice, when the Service has several. Default: `<service>-1`. */
  readonly name?: string;
  readonly conditions?: Readonly<Record<string, boolean>>;
}

/** What the EndpointSlice controller would write: these addresses of the Service, ready. */
export function endpointSlice(
  serviceName: string,
  { address, port }: { readonly address: string; readonly port: number },
  { name, conditions = { ready: true, serving: true, terminating: false } }: SliceOptions = {},
): Manifest {
  const metadata = metadataOf(serviceName);
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      ...metadata,
      name: name ?? `${metadata.name}-1`,
      labels: { "kubernetes.io/service-name": metadata.name },
    },
    addressType: "IPv4",
    ports: [{ name: "", port }],
    endpoints: [{ addresses: [address], conditions }],
  };
}

export function tlsSecret(name: string, { certificatePem, keyPem }: Certificate): Manifest {
  return secret(name, "kubernetes.io/tls", { "tls.crt": certificatePem, "tls.key": keyPem });
}

export function secret(name: string, type: string, texts: Readonly<Record<string, string>>): Manifest {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
  );
  return { apiVersion: "v1", kind: "Secret", metadata: metadataOf(name), type, data };
}
