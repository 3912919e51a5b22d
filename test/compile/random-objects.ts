import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { Random } from "../support/random.ts";
import { randomAnnotation, randomIngress } from "../support/random-inputs.ts";
import { randomService, randomWords } from "./random-services.ts";
import { randomTelemetry } from "./random-telemetry.ts";

function resource(raw: object): AnyResource {
  const { resource, problems } = parseResource(raw);
  if (resource === undefined) throw new Error(JSON.stringify(problems));
  return resource;
}

export function ambassador(kind: string, name: string, spec: object, labels: Record<string, string> = {}): AnyResource {
  return resource({
    apiVersion: "getambassador.io/v3alpha1",
    kind,
    metadata: { name, namespace: "default", labels },
    spec,
  });
}

const hostnames = [
  "*",
  "*.example.com",
  "a.example.com",
  "b.example.com",
  "a.*",
  "c.example.org",
  "a.example.com:8443",
];

function randomTcpMapping(random: Random): AnyResource {
  const spec: Record<string, unknown> = {
    port: 8000 + random.integer(4),
    service: random.pick(["one:8080", "two:8080", "https://three", "10.0.0.1:5432", "bad service"]),
  };
  if (random.chance(0.6)) spec["host"] = random.pick(["*", "*.example.com", "a.example.com", "A.example.com", "a.*"]);
  if (random.chance(0.3)) spec["tls_passthrough"] = true;
  if (random.chance(0.3)) spec["weight"] = random.pick([0, 40, 70]);
  if (random.chance(0.2)) spec["address"] = random.pick(["127.0.0.1", "127.0.0.2", "::1"]);
  if (random.chance(0.2)) spec["resolver"] = random.pick(["endpoint", "mine"]);
  if (random.chance(0.2)) spec["tls"] = random.pick(["origin", "nothing"]);
  if (random.chance(0.2)) spec["idle_timeout_ms"] = random.pick(["1000", 2000, "soon"]);
  if (random.chance(0.2)) spec["stats_name"] = random.pick(["x", "y"]);
  if (random.chance(0.1)) spec["ambassador_id"] = [random.pick(["default", "other"])];
  return ambassador("TCPMapping", `t${random.integer(20)}`, spec);
}

/** What Secrets hold. */
export interface Certificates {
  readonly good: readonly { readonly certificatePem: string; readonly keyPem: string }[];
}

const bodies = (random: Random) => [{ on_status_code: 404, body: { text_format: random.pick(["one", "two"]) } }];

export function randomMapping(random: Random): AnyResource {
  const spec: Record<string, unknown> = {
    prefix: random.pick(["/", "/a/", "/a/b/", "/c/", `/p${random.integer(20)}/`, "broken"]),
    service: random.pick([
      "one",
      "two:8080",
      "https://three",
      "10.0.0.1",
      "one.other",
      "outside.example.com",
      "bad service",
    ]),
  };
  if (random.chance(0.8)) spec["hostname"] = random.pick(hostnames);
  if (random.chance(0.3)) spec["weight"] = random.pick([0, 10, 40, 70]);
  if (random.chance(0.2)) spec["precedence"] = random.integer(3) - 1;
  if (random.chance(0.2)) spec["timeout_ms"] = random.integer(5000);
  if (random.chance(0.2)) spec["resolver"] = random.pick(["endpoint", "mine", "nowhere", "consul"]);
  if (random.chance(0.2)) spec["tls"] = random.pick(["origin", "nothing"]);
  if (random.chance(0.2)) spec["method"] = random.pick(["GET", "POST"]);
  if (random.chance(0.2)) spec["headers"] = { "x-version": random.pick(["1", "2"]) };
  if (random.chance(0.1)) spec["ambassador_id"] = [random.pick(["default", "other"])];
  if (random.chance(0.1)) spec["host_redirect"] = true;
  if (random.chance(0.1)) spec["shadow"] = true;
  if (random.chance(0.03)) spec["error_response_overrides"] = bodies(random);
  if (random.chance(0.2))
    spec["add_request_headers"] = { [random.pick(["x-a", "x-b"])]: { value: random.pick(["1", "2", "%REQ(a?b?c)%"]) } };
  Object.assign(spec, randomWords(random));
  return ambassador(
    "Mapping",
    `m${random.integer(60)}`,
    spec,
    random.chance(0.3) ? { team: random.pick(["x", "y"]) } : {},
  );
}

const resolverKinds = ["KubernetesServiceResolver", "KubernetesEndpointResolver", "ConsulResolver"];

export function randomOther(random: Random, { good }: Certificates): AnyResource {
  const insecure = { requestPolicy: { insecure: { action: random.pick(["Route", "Redirect", "Reject"]) } } };
  const pair = random.pick(good);
  if (random.chance(0.3)) {
    const { kind, name, spec } = random.chance(0.3) ? randomTelemetry(random) : randomService(random);
    return ambassador(kind, name, spec);
  }
  switch (random.integer(14)) {
    case 0:
      return ambassador("Listener", `l${random.integer(3)}`, {
        port: 8000 + random.integer(3),
        ...random.pick([
          { protocol: "HTTP" },
          { protocol: "HTTPS" },
          { protocol: "HTTPSPROXY" },
          { protocol: "TCP" },
          { protocol: "TLS" },
          { protocol: "UDP" },
          { protocolStack: ["TLS", "HTTP", "UDP"] },
        ]),
        securityModel: random.pick(["XFP", "SECURE", "INSECURE"]),
        l7Depth: random.integer(2),
        hostBinding: random.chance(0.9) ? { namespace: { from: random.pick(["ALL", "SELF"]) } } : {},
      });
    case 1:
    case 2:
      return ambassador("Host", `h${random.integer(6)}`, {
        hostname: random.chance(0.1) ? 7 : random.pick(hostnames),
        ...insecure,
        ...(random.chance(0.5) ? { tlsSecret: { name: random.pick(["s0", "s1", "missing"]) } } : {}),
        ...(random.chance(0.3) ? { mappingSelector: { matchLabels: { team: random.pick(["x", "y"]) } } } : {}),
        ...(random.chance(0.3) ? { tlsContext: { name: random.pick(["origin", "server", "nothing"]) } } : {}),
      });
    case 3:
      if (random.chance(0.3)) {
        const server = { secret: random.pick(["s0", "missing"]), min_tls_version: "v1.2" };
        return ambassador("Module", "tls", { config: { server, origin: { sni: random.pick(["x", "y"]) } } });
      }
      return ambassador("Module", "ambassador", {
        config: {
          cluster_request_timeout_ms: 1000 + random.integer(3),
          server_name: random.pick(["envoy", "nuncio"]),
          ...(random.chance(0.5) ? { error_response_overrides: bodies(random) } : {}),
          ...(random.chance(0.3) ? { gzip: { window_bits: 9 + random.integer(3) } } : {}),
          ...(random.chance(0.3) ? { ip_deny: [{ peer: random.pick(["10.0.0.1", "10.0.0.300"]) }] } : {}),
          ...(random.chance(0.3) ? { lua_scripts: "function envoy_on_request(handle) end" } : {}),
          ...(random.chance(0.3) ? { envoy_log_type: "json" } : {}),
          ...(random.chance(0.3) ? { header_case_overrides: [random.pick(["X-A", "X-AB"])] } : {}),
          ...(random.chance(0.3) ? { runtime_flags: { "http.max_requests_per_io_cycle": random.integer(2) } } : {}),
          ...(random.chance(0.3) ? { liveness_probe: { enabled: random.chance(0.5), service: "one" } } : {}),
        },
      });
    case 4:
      return ambassador("TLSContext", "origin", {
        sni: random.pick(["x", "y"]),
        ...(random.chance(0.5) ? { secret: "s0" } : {}),
        ...(random.chance(0.5) ? { hosts: ["*", "a.example.com"] } : {}),
        ...(random.chance(0.3) ? { max_tls_version: "v1.2" } : {}),
      });
    case 5:
      return ambassador(random.pick(resolverKinds), "mine", { datacenter: random.pick(["", "dc1", "dc2"]) });
    case 6:
      return resource({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: random.pick(["s0", "s1", "fallback-self-signed-cert"]), namespace: "default" },
        type: "kubernetes.io/tls",
        stringData: { "tls.crt": pair.certificatePem, "tls.key": random.chance(0.8) ? pair.keyPem : "garbage" },
      });
    case 7:
      return resource({
        apiVersion: "v1",
        kind: "Service",
        metadata: {
          name: random.pick(["one", "two"]),
          namespace: random.pick(["default", "other"]),
          creationTimestamp: random.pick(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
          annotations: random.chance(0.6) ? { "getambassador.io/config": randomAnnotation(random, randomMapping) } : {},
        },
        spec: {
          clusterIP: random.pick(["10.96.0.1", "None"]),
          ports: [
            { name: random.pick(["web", "other"]), port: random.pick([80, 8080]) },
            ...(random.chance(0.3) ? [{ name: "h3", port: 443, targetPort: 8000, protocol: "UDP" }] : []),
          ],
        },
      });
    case 8:
    case 9:
    case 10:
      return randomTcpMapping(random);
    case 11:
    case 12:
      return resource(randomIngress(random));
    default:
      return resource({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          name: `e${random.integer(3)}`,
          namespace: "default",
          labels: { "kubernetes.io/service-name": "one" },
        },
        addressType: "IPv4",
        ports: [{ port: 8080 }],
        endpoints: [{ addresses: [`10.0.1.${random.integer(3) + 1}`] }],
      });
  }
}
