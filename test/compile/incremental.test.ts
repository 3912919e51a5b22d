import { describe, expect, it } from "@jest/globals";
import { type Compiled, compile, createChecker, createCompiler } from "../../compile/compile.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import { formatProblem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { ResourceMap } from "../../xds/snapshot.ts";
import { selfSigned } from "../support/certificates.ts";
import { type Random, seeded } from "../support/random.ts";
import { randomService, randomWords } from "./random-services.ts";

const settings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "127.0.0.1",
  inCluster: true,
  ownService: "127.0.0.1:8877",
};

function resource(raw: object): AnyResource {
  const { resource, problems } = parseResource(raw);
  if (resource === undefined) throw new Error(JSON.stringify(problems));
  return resource;
}

function ambassador(kind: string, name: string, spec: object, labels: Record<string, string> = {}): AnyResource {
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

interface Certificates {
  readonly good: readonly { readonly certificatePem: string; readonly keyPem: string }[];
}

const bodies = (random: Random) => [{ on_status_code: 404, body: { text_format: random.pick(["one", "two"]) } }];

function randomMapping(random: Random): AnyResource {
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
  if (random.chance(0.2)) spec["resolver"] = random.pick(["endpoint", "mine", "nowhere"]);
  if (random.chance(0.2)) spec["tls"] = random.pick(["origin", "nothing"]);
  if (random.chance(0.2)) spec["method"] = random.pick(["GET", "POST"]);
  if (random.chance(0.2)) spec["headers"] = { "x-version": random.pick(["1", "2"]) };
  if (random.chance(0.1)) spec["ambassador_id"] = [random.pick(["default", "other"])];
  if (random.chance(0.1)) spec["host_redirect"] = true;
  if (random.chance(0.1)) spec["shadow"] = true;
  if (random.chance(0.03)) spec["error_response_overrides"] = bodies(random);
  if (random.chance(0.2))
    spec["add_request_headers"] = { [random.pick(["x-a", "x-b"])]: { value: random.pick(["1", "2"]) } };
  Object.assign(spec, randomWords(random));
  return ambassador(
    "Mapping",
    `m${random.integer(60)}`,
    spec,
    random.chance(0.3) ? { team: random.pick(["x", "y"]) } : {},
  );
}

function randomOther(random: Random, { good }: Certificates): AnyResource {
  const insecure = { requestPolicy: { insecure: { action: random.pick(["Route", "Redirect", "Reject"]) } } };
  const pair = random.pick(good);
  if (random.chance(0.2)) {
    const { kind, name, spec } = randomService(random);
    return ambassador(kind, name, spec);
  }
  switch (random.integer(12)) {
    case 0:
      return ambassador("Listener", `l${random.integer(3)}`, {
        port: 8000 + random.integer(3),
        protocol: random.pick(["HTTP", "HTTPS", "HTTPSPROXY", "TCP", "TLS", "UDP"]),
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
        ...(random.chance(0.3) ? { tlsContext: { name: random.pick(["origin", "nothing"]) } } : {}),
      });
    case 3:
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
      });
    case 5:
      return ambassador(random.pick(["KubernetesServiceResolver", "KubernetesEndpointResolver"]), "mine", {});
    case 6:
      return resource({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: `s${random.integer(2)}`, namespace: "default" },
        type: "kubernetes.io/tls",
        stringData: { "tls.crt": pair.certificatePem, "tls.key": random.chance(0.8) ? pair.keyPem : "garbage" },
      });
    case 7:
      return resource({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: random.pick(["one", "two"]), namespace: random.pick(["default", "other"]) },
        spec: { clusterIP: random.pick(["10.96.0.1", "None"]), ports: [{ port: random.pick([80, 8080]) }] },
      });
    case 8:
    case 9:
    case 10:
      return randomTcpMapping(random);
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

function versions(map: ResourceMap): [string, string][] {
  return [...map.values()]
    .map(({ name, version }): [string, string] => [name, version])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function view({ snapshot, problems, endpoints }: Compiled, endpointMap: ResourceMap): unknown {
  return {
    runtime: versions(snapshot.runtime),
    extension: versions(snapshot.extension),
    cluster: versions(snapshot.cluster),
    listener: versions(snapshot.listener),
    route: versions(snapshot.route),
    secret: versions(snapshot.secret),
    endpoint: versions(endpointMap),
    endpoints: [...endpoints.keys()].sort(),
    problems: problems.map(formatProblem),
  };
}

describe("an incremental compile", () => {
  it("gives the bytes and the problems of a fresh one after every one of 1,000 random edits", async () => {
    const good = await Promise.all([
      selfSigned({ hosts: ["a.example.com"] }),
      selfSigned({ hosts: ["b.example.com"] }),
    ]);
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
    const random = seeded(seed);
    const store = createStore(() => undefined);
    const incremental = createCompiler();
    const check = createChecker();
    const discover = endpointDiscovery();
    const all: AnyResource[] = [];
    for (let edit = 0; edit < 1000; edit++) {
      const burst = random.chance(0.1) ? 1 + random.integer(30) : 1;
      for (let i = 0; i < burst; i++) {
        if (all.length > 0 && random.chance(0.25)) {
          const [gone] = all.splice(random.integer(all.length), 1);
          if (gone !== undefined) store.remove(gone.kind, gone.namespace, gone.name);
        } else {
          const put = random.chance(0.7) ? randomMapping(random) : randomOther(random, { good });
          store.put(put);
          all.push(put);
        }
      }
      const resources = store.resources();
      const now = incremental(resources, settings);
      const fresh = compile(resources, settings);
      const checked = check(resources, settings).problems.map(formatProblem);
      expect(checked).toEqual(now.problems.map(formatProblem));
      const seen = view(now, discover(now.endpoints, resources));
      const expected = view(fresh, endpointDiscovery()(fresh.endpoints, resources));
      if (JSON.stringify(seen) !== JSON.stringify(expected)) {
        expect({ seed, edit, ...(seen as object) }).toEqual({ seed, edit, ...(expected as object) });
      }
    }
  });

  it("gives the same bytes whatever the order in which resources arrive", () => {
    const random = seeded(7);
    const some = Array.from({ length: 80 }, () => randomMapping(random));
    const unique = [...new Map(some.map((each) => [each.name, each])).values()];
    const listener = ambassador("Listener", "l", {
      port: 8080,
      protocol: "HTTP",
      securityModel: "XFP",
      hostBinding: { namespace: { from: "ALL" } },
    });
    const results = Array.from({ length: 5 }, () => {
      const store = createStore(() => undefined);
      for (const each of [...unique, listener].sort(() => random.next() - 0.5)) store.put(each);
      const compiled = compile(store.resources(), settings);
      return JSON.stringify(view(compiled, new Map()));
    });
    expect(new Set(results).size).toBe(1);
  });

  it.each([1, 100])(
    "builds one Mapping, one group and one table when one of 10,000 Mappings over %d host names changes",
    (hosts) => {
      const store = createStore(() => undefined);
      const make = (index: number, timeoutMs: number) =>
        ambassador("Mapping", `m${index}`, {
          hostname: hosts === 1 ? "*" : `h${index % hosts}.example.com`,
          prefix: `/p${index}/`,
          service: `10.1.${index >> 8}.${index & 255}`,
          timeout_ms: timeoutMs,
        });
      store.put(
        ambassador("Listener", "l", {
          port: 8080,
          protocol: "HTTP",
          securityModel: "XFP",
          hostBinding: { namespace: { from: "ALL" } },
        }),
      );
      store.replace(
        "Mapping",
        Array.from({ length: 10_000 }, (_, index) => make(index, 3000)),
      );
      const incremental = createCompiler();
      const check = createChecker();
      for (const each of [incremental, check]) {
        const first = each(store.resources(), settings).counters;
        expect(first).toMatchObject({ mappings: 10_002, clusters: 10_001 });
      }
      store.put(make(4711, 1234));
      // It makes no tables, but encodes the route: that may fail, and who asks wants to know.
      expect(check(store.resources(), settings).counters).toMatchObject({ mappings: 1, groups: 1, routes: 1 });
      const changed = incremental(store.resources(), settings);
      expect(changed.counters).toEqual({
        mappings: 1,
        groups: 1,
        domains: 1,
        tables: 1,
        routes: 1,
        clusters: 0,
        listeners: 0,
      });
      expect(incremental(store.resources(), settings).counters).toEqual({
        mappings: 0,
        groups: 0,
        domains: 0,
        tables: 0,
        routes: 0,
        clusters: 0,
        listeners: 0,
      });
    },
  );
});
