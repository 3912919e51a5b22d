/** A gateway as a large company has it: every kind of resource, features of all sorts, over many TLS hosts. */
import { frame, type Manifest, namespace } from "./objects.ts";

export const edits = [
  "Mapping",
  "Service",
  "Ingress",
  "TCPMapping",
  "Host",
  "AuthService",
  "Module",
  "defaults",
] as const;
/** An object by its kind: of the Module a filter, or a default that nearly all Mappings take. */
export type Edit = (typeof edits)[number];

const v3alpha1 = "getambassador.io/v3alpha1";
const HOSTS = 100;
const hostname = (index: number) => `h${index % HOSTS}.example.com`;

type Spec = Readonly<Record<string, unknown>>;

function ours(kind: string, name: string, spec: Spec): Manifest {
  return { apiVersion: v3alpha1, kind, metadata: { name, namespace }, spec };
}

/** Of twenty Mappings one each has a feature that is rarely used; @param edition is another one at each edit */
function mapping(index: number, edition = 0): Manifest {
  const rare: readonly Spec[] = [
    { regex_headers: { "x-version": "v[0-9]+" } },
    { cors: { origins: ["https://app.example.com"], methods: ["GET", "POST"] } },
    { retry_policy: { retry_on: "5xx", num_retries: 2 } },
    { prefix: `/r${index}/[0-9]+`, prefix_regex: true, rewrite: "" },
    { query_parameters: { debug: "yes" }, precedence: 1 },
    { circuit_breakers: [{ max_connections: 100 }], load_balancer: { policy: "least_request" }, resolver: "endpoint" },
    { add_request_headers: { "x-team": { value: "a" } }, remove_response_headers: ["server"] },
    { labels: { ambassador: [{ each: [{ generic_key: { value: "a" } }] }] } },
    { bypass_auth: true },
    { error_response_overrides: [{ on_status_code: 503, body: { text_format: "later" } }] },
  ];
  return ours("Mapping", `m${index}`, {
    hostname: hostname(index),
    prefix: `/m${index}/`,
    service: `s${index % 1000}:8080`,
    timeout_ms: 1000 + edition,
    ...(index % 2 === 0 ? rare[(index / 2) % 20] : {}),
  });
}

function service(index: number, edition = 0): Manifest {
  const inner = { apiVersion: v3alpha1, kind: "Mapping", name: `a${index}`, hostname: hostname(index) };
  const annotation = { ...inner, prefix: `/a${index}/`, service: `s${index}:8080`, timeout_ms: 1000 + edition };
  const annotations = index % 10 === 0 ? { "getambassador.io/config": JSON.stringify(annotation) } : {};
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `s${index}`, namespace, annotations } as Manifest["metadata"],
    spec: { clusterIP: `10.96.${index >> 8}.${index & 255}`, ports: [{ name: "web", port: 8080 }] },
  };
}

function ingress(index: number, edition = 0): Manifest {
  const backend = { service: { name: `s${index % 1000}`, port: { name: "web" } } };
  const paths = [{ path: `/i${index}-${edition}`, pathType: "Prefix", backend }];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: {
      name: `i${index}`,
      namespace,
      annotations: { "kubernetes.io/ingress.class": "ambassador" },
    } as Manifest["metadata"],
    spec: { rules: [{ host: hostname(index), http: { paths } }] },
  };
}

const tcpMapping = (index: number, edition = 0): Manifest =>
  ours("TCPMapping", `t${index}`, {
    port: 9000 + index,
    service: `s${index}:8080`,
    idle_timeout_ms: `${60_000 + edition}`,
  });

const authService = (edition = 0): Manifest =>
  ours("AuthService", "auth", { auth_service: "s1:8080", proto: "grpc", timeout_ms: 1000 + edition });

const module = (edition = 0, timeoutMs = 4000): Manifest =>
  ours("Module", "ambassador", {
    config: { gzip: { min_content_length: 100 + edition }, cluster_request_timeout_ms: timeoutMs },
  });

const host = (index: number, edition = 0): Manifest =>
  ours("Host", `h${index}`, {
    hostname: hostname(index),
    tlsSecret: { name: `tls-${index}` },
    requestPolicy: { insecure: { action: edition % 2 === 0 ? "Redirect" : "Reject" } },
  });

/** An object that is there, in another edition. */
export function edited(kind: Edit, index: number, edition: number): Manifest {
  switch (kind) {
    case "Mapping":
      return mapping(index % 5000, edition);
    case "Service":
      return service((index % 100) * 10, edition);
    case "Ingress":
      return ingress(index % 500, edition);
    case "TCPMapping":
      return tcpMapping(index % 20, edition);
    case "Host":
      return host(index % HOSTS, edition);
    case "AuthService":
      return authService(edition);
    case "Module":
      return module(edition);
    case "defaults":
      return module(0, 4000 + edition);
  }
}

const many = (count: number, make: (index: number) => Manifest) =>
  Array.from({ length: count }, (_, index) => make(index));

/** @returns as many as asked for, 3,000 at least */
export async function mixedResources(total: number): Promise<readonly Manifest[]> {
  const framed = (await frame({ scheme: "tls", hosts: HOSTS }, 8443)).filter(({ kind }) => kind !== "Host");
  const fixed = [
    ...framed,
    ...many(HOSTS, (index) => host(index)),
    ...many(1000, (index) => service(index)),
    ...many(500, (index) => ingress(index)),
    ...many(20, (index) => tcpMapping(index)),
    authService(),
    ours("RateLimitService", "limits", { service: "s2:8080" }),
    module(),
  ];
  return [...fixed, ...many(Math.max(1000, total - fixed.length), (index) => mapping(index))];
}
