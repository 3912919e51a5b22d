const api = "getambassador.io/v3alpha1";

type Fields = Readonly<Record<string, unknown>>;

/** An object of ours as the API server sends it. */
export function object(kind: string, name: string, spec: unknown, metadata: Fields = {}): Fields {
  const meta = {
    name,
    namespace: "default",
    uid: `uid-${name}`,
    generation: 1,
    creationTimestamp: "2025-01-01T00:00:00Z",
  };
  return { apiVersion: api, kind, metadata: { ...meta, ...metadata }, spec };
}

export const listener = (name: string, port: number, metadata: Fields = {}): Fields =>
  object(
    "Listener",
    name,
    { port, protocol: "HTTP", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } },
    metadata,
  );

export const host = (name: string, hostname: string, spec: Fields = {}): Fields =>
  object("Host", name, { hostname, requestPolicy: { insecure: { action: "Route" } }, ...spec });

export const mapping = (name: string, spec: Fields = {}, metadata: Fields = {}): Fields =>
  object("Mapping", name, { hostname: "*", prefix: `/${name}/`, service: "quote", ...spec }, metadata);

export const service = (name: string): Fields => ({
  ...object("Service", name, { clusterIP: "10.96.0.9", ports: [{ port: 80 }] }),
  apiVersion: "v1",
});

/** An AdmissionReview of a creation, or of an update when there is an object before. */
export function review(candidate: Fields, before?: Fields, request: Fields = {}): Fields {
  const [group, version] = String(candidate["apiVersion"]).split("/");
  const { name, namespace } = candidate["metadata"] as { name: string; namespace: string };
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: `review-${name}`,
      kind: { group, version, kind: candidate["kind"] },
      resource: { group, version, resource: `${String(candidate["kind"]).toLowerCase()}s` },
      name,
      namespace,
      operation: before === undefined ? "CREATE" : "UPDATE",
      userInfo: { username: "admin" },
      object: candidate,
      oldObject: before ?? null,
      dryRun: false,
      ...request,
    },
  };
}

export interface ReviewResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly message: string };
  readonly warnings?: readonly string[];
}

export function responseOf(body: string): ReviewResponse {
  return (JSON.parse(body) as { response: ReviewResponse }).response;
}
