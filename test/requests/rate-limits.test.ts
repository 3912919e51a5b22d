import { Agent } from "node:http";
import { ServerCredentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { httpAuthServer } from "../support/auth-servers.ts";
import { selfSigned } from "../support/certificates.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { get } from "../support/http.ts";
import { authServiceOf, moduleOf, rateLimitServiceOf, secretOf, tlsContextOf } from "../support/manifests.ts";
import { type Descriptor, overLimit, type RateLimitServer, rateLimitServer } from "../support/rate-limit-server.ts";

let gateway: Gateway;
let backend: EchoBackend;
let limits: RateLimitServer;

beforeAll(async () => {
  [gateway, backend, limits] = await Promise.all([startGateway(), echoBackend("one"), rateLimitServer()]);
});

afterAll(async () => {
  limits.close();
  await Promise.all([gateway.stop(), backend.close()]);
});

beforeEach(() => {
  limits.asked.length = 0;
  limits.metadata.length = 0;
  limits.verdict = () => ({ overallCode: 1 });
});

type Spec = Readonly<Record<string, unknown>>;

/** The default of 20 ms is short on a busy machine. */
const patient = { timeout_ms: 5000 };
const service = (spec: Spec = {}) =>
  rateLimitServiceOf("limits", { service: `127.0.0.1:${limits.port}`, protocol_version: "v3", ...patient, ...spec });
const route = (spec: Spec) => mapping("m", { prefix: "/", service: backend.service, ...spec });
const fixed = (value: string) => ({ generic_key: { value } });
const group = (...labels: readonly unknown[]) => ({ group: labels });

async function descriptors(
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Descriptor[] | "not asked"> {
  limits.asked.length = 0;
  expect((await gateway.request("/", { headers })).status).toBe(200);
  return limits.asked[0]?.descriptors ?? "not asked";
}

describe("labels and what the rate limit service gets of them", () => {
  const user = (more: Spec = {}) => ({ request_headers: { key: "user", header_name: "x-user", ...more } });

  // shows: Mapping.labels
  it.each<[string, unknown, Readonly<Record<string, string>>, readonly Descriptor[] | "not asked"]>([
    ["a fixed value", [group(fixed("a"))], {}, [["generic_key=a"]]],
    ["a fixed value with a key", [group({ generic_key: { key: "plan", value: "free" } })], {}, [["plan=free"]]],
    ["the client's address", [group({ remote_address: { key: "remote_address" } })], {}, [["remote_address=CLIENT"]]],
    ["the gateway", [group({ source_cluster: { key: "source_cluster" } })], {}, [["source_cluster=GATEWAY"]]],
    [
      "the service",
      [group({ destination_cluster: { key: "destination_cluster" } })],
      {},
      [["destination_cluster=SERVICE"]],
    ],
    ["a header", [group(user())], { "x-user": "u" }, [["user=u"]]],
    ["no group without its header", [group(user(), fixed("a")), group(fixed("b"))], {}, [["generic_key=b"]]],
    ["no entry without its header", [group(user({ omit_if_not_present: true }), fixed("a"))], {}, [["generic_key=a"]]],
    [
      "the entry with it",
      [group(user({ omit_if_not_present: true }), fixed("a"))],
      { "x-user": "u" },
      [["user=u", "generic_key=a"]],
    ],
    ["no descriptor without entries", [group(user({ omit_if_not_present: true }))], {}, "not asked"],
    ["the order of labels", [group(fixed("b"), fixed("a"))], {}, [["generic_key=b", "generic_key=a"]]],
    ["a descriptor for each group", [group(fixed("a")), group(fixed("b"))], {}, [["generic_key=a"], ["generic_key=b"]]],
    ["nothing of an empty group", [group()], {}, "not asked"],
    ["nothing of no group", [], {}, "not asked"],
  ])("%s", async (_, labels, headers, expected) => {
    expect(await gateway.apply(service() + route({ labels: { ambassador: labels } }))).toEqual([]);
    const got = await descriptors(headers);
    const known = (entry: string) =>
      entry
        .replace(/^remote_address=\d+(\.\d+){3}$/, "remote_address=CLIENT")
        .replace(/^source_cluster=.+$/, "source_cluster=GATEWAY")
        .replace(/^destination_cluster=127\.0\.0\.1:\d+\/\w+$/, "destination_cluster=SERVICE");
    expect(got === "not asked" ? got : got.map((descriptor) => descriptor.map(known))).toEqual(expected);
  });

  it.each<[string, unknown, string]>([
    ["an empty value", [group(fixed(""))], "labels ambassador 0 group 0 generic_key value"],
    [
      "no name of a header",
      [group({ request_headers: { key: "k", header_name: "a b" } })],
      "labels ambassador 0 group 0 request_headers header_name",
    ],
    ["two keys", [group({ ...fixed("a"), remote_address: { key: "remote_address" } })], "labels ambassador 0 group 0"],
    [
      "a key of its own",
      [group({ remote_address: { key: "client" } })],
      "labels ambassador 0 group 0 remote_address key",
    ],
    ["two groups in one", [{ a: [fixed("a")], b: [fixed("b")] }], "labels ambassador 0"],
  ])("is told of %s", async (_, labels, path) => {
    const problems = await gateway.apply(service() + route({ labels: { ambassador: labels } }));
    expect(problems.map(({ severity, ...problem }) => [severity, problem.path.slice(1).join(" ")])).toEqual([
      ["error", path],
    ]);
  });

  // shows: Module.default_labels Module.default_label_domain
  it.each<[string, Spec, unknown, readonly Descriptor[] | "not asked"]>([
    [
      "before each group",
      {},
      { ambassador: [group(fixed("a")), group(fixed("b"))] },
      [
        ["generic_key=d", "generic_key=a"],
        ["generic_key=d", "generic_key=b"],
      ],
    ],
    ["alone, for a Mapping without labels", {}, undefined, [["generic_key=d"]]],
    ["alone, for one with an empty map", {}, {}, [["generic_key=d"]]],
    ["not for a Mapping with labels of another domain", {}, { other: [group(fixed("a"))] }, "not asked"],
    [
      "of the other domain before labels of that",
      { domain: "other" },
      { other: [group(fixed("a"))] },
      [["generic_key=o", "generic_key=a"]],
    ],
    ["not of a domain that is not the default", { domain: "other" }, undefined, "not asked"],
  ])("has the Module's defaults %s", async (_, spec, labels, expected) => {
    const module = moduleOf({
      default_labels: { ambassador: { defaults: [fixed("d")] }, other: { defaults: [fixed("o")] } },
    });
    await gateway.apply(service(spec) + module + route(labels === undefined ? {} : { labels }));
    expect(await descriptors()).toEqual(expected);
  });

  it("has the Module's domain where the service has none, and is told of labels for others", async () => {
    const module = moduleOf({ default_label_domain: "mine" });
    expect(await gateway.apply(service() + module + route({ labels: { mine: [group(fixed("a"))] } }))).toEqual([]);
    expect(await descriptors()).toEqual([["generic_key=a"]]);
    expect(limits.asked[0]?.domain).toBe("mine");
    const problems = await gateway.apply(service() + module + route({ labels: { ambassador: [group(fixed("a"))] } }));
    expect(problems.map(({ code, path }) => [code, path])).toEqual([["IgnoredField", ["spec", "labels"]]]);
    expect(await descriptors()).toBe("not asked");
  });

  it("tells a wrong default once, on the Module", async () => {
    const module = moduleOf({ default_labels: { ambassador: { defaults: [fixed("")] } } });
    const problems = await gateway.apply(
      service() + module + route({}) + mapping("n", { prefix: "/n/", service: backend.service }),
    );
    expect(problems.map(({ object, path }) => [object.kind, path.slice(2).join(" ")])).toEqual([
      ["Module", "default_labels ambassador defaults 0 generic_key value"],
    ]);
  });
});

describe("a RateLimitService", () => {
  const labels = { labels: { ambassador: [group(fixed("a"))] } };

  // shows: RateLimitService.service RateLimitService.domain RateLimitService.protocol_version
  it("is asked with its domain, and its refusal goes to the client with its headers", async () => {
    await gateway.apply(service({ domain: "mine" }) + route({ labels: { mine: [group(fixed("a"))] } }));
    limits.verdict = () => overLimit({ "x-limit": "3", "retry-after": "60" });
    const before = backend.seen.length;
    const answer = await gateway.request("/");
    expect(answer.status).toBe(429);
    expect(answer.headers).toMatchObject({ "x-limit": "3", "retry-after": "60", "x-envoy-ratelimited": "true" });
    expect(backend.seen).toHaveLength(before);
    expect(limits.asked).toEqual([{ domain: "mine", descriptors: [["generic_key=a"]] }]);
    expect(limits.metadata[0]).toHaveProperty(":authority", `127.0.0.1:${limits.port}`);
  });

  it("is not asked about Mappings without labels, nor about redirects", async () => {
    limits.verdict = () => overLimit();
    await gateway.apply(
      service() + route({}) + mapping("r", { prefix: "/r/", host_redirect: true, service: "x.org", ...labels }),
    );
    expect((await gateway.request("/")).status).toBe(200);
    expect((await gateway.request("/r/")).status).toBe(301);
    expect(limits.asked).toEqual([]);
  });

  // shows: RateLimitService.failure_mode_deny RateLimitService.timeout_ms
  it("lets through while it does not answer, unless failure_mode_deny refuses", async () => {
    await gateway.apply(service({ service: "127.0.0.1:1" }) + route(labels));
    expect((await gateway.request("/")).status).toBe(200);
    await gateway.apply(service({ service: "127.0.0.1:1", failure_mode_deny: true }) + route(labels));
    expect((await gateway.request("/")).status).toBe(500);
    const slow = await echoBackend("not a gRPC server that answers");
    try {
      const late = { service: slow.service, failure_mode_deny: true, timeout_ms: 1 };
      await gateway.apply(service(late) + route(labels));
      expect((await gateway.request("/")).status).toBe(500);
    } finally {
      await slow.close();
    }
  });

  // shows: RateLimitService.grpc
  it("answers gRPC clients with RESOURCE_EXHAUSTED when it is to, else with UNAVAILABLE", async () => {
    limits.verdict = () => overLimit();
    const code = async () =>
      (await gateway.request("/", { method: "POST", headers: { "content-type": "application/grpc" } })).headers[
        "grpc-status"
      ];
    await gateway.apply(service() + route(labels));
    expect(await code()).toBe("14");
    await gateway.apply(service({ grpc: { use_resource_exhausted_code: true } }) + route(labels));
    expect(await code()).toBe("8");
  });

  // shows: RateLimitService.stats_name
  it("has a cluster of its own, with its name in statistics", async () => {
    await gateway.apply(service({ stats_name: "counter" }) + route(labels));
    await gateway.request("/");
    expect(await gateway.envoy.stat("cluster.counter.upstream_rq_total")).toBe(1);
  });

  it("is alone: the older one counts, and the other is told", async () => {
    const other = rateLimitServiceOf("later", { service: "127.0.0.1:1" });
    const problems = await gateway.apply(other + service() + route(labels));
    expect(problems.map(({ code, object }) => [code, object.name])).toEqual([["ServiceConflict", "limits"]]);
  });

  // shows: RateLimitService.tls
  it("is called by TLS, with the certificate of its TLSContext", async () => {
    const [served, client] = await Promise.all([selfSigned({ hosts: ["limits"] }), selfSigned({ hosts: ["client"] })]);
    const pair = { private_key: Buffer.from(served.keyPem), cert_chain: Buffer.from(served.certificatePem) };
    const guarded = await rateLimitServer(
      ServerCredentials.createSsl(Buffer.from(client.certificatePem), [pair], true),
    );
    guarded.verdict = () => overLimit();
    try {
      const address = `127.0.0.1:${guarded.port}`;
      const more =
        secretOf("client", { "tls.crt": client.certificatePem, "tls.key": client.keyPem }) +
        tlsContextOf("client", { secret: "client" });
      expect(
        await gateway.apply(service({ service: `https://${address}`, failure_mode_deny: true }) + route(labels)),
      ).toEqual([]);
      expect((await gateway.request("/")).status).toBe(500);
      expect(await gateway.apply(service({ service: address, tls: "client" }) + more + route(labels))).toEqual([]);
      expect((await gateway.request("/")).status).toBe(429);
    } finally {
      guarded.close();
    }
  });

  // shows: RateLimitService.ambassador_id
  it("is told what cannot be, and then counts nothing", async () => {
    const found = async (spec: Spec) => {
      await gateway.apply(route(labels));
      const problems = await gateway.apply(service(spec) + route(labels));
      limits.verdict = () => overLimit();
      expect((await gateway.request("/")).status).toBe(200);
      return problems.map(({ code, path }) => [code, ...path.slice(1)].join(" "));
    };
    expect(await found({ protocol_version: "v2" })).toEqual(["InvalidField protocol_version"]);
    expect(await found({ domain: "" })).toEqual(["InvalidField domain"]);
    expect(await found({ tls: "missing" })).toEqual(["TlsContextNotFound tls"]);
    expect(await found({ ambassador_id: ["other"] })).toEqual([]);
  });

  it("sees headers that the authorization service has added", async () => {
    const auth = await httpAuthServer();
    try {
      auth.verdict = () => ({ status: 200, headers: { "x-user": "u" } });
      const guard = authServiceOf("a", {
        auth_service: `127.0.0.1:${auth.port}`,
        allowed_authorization_headers: ["x-user"],
      });
      const byUser = { labels: { ambassador: [group({ request_headers: { key: "user", header_name: "x-user" } })] } };
      await gateway.apply(service() + guard + route(byUser));
      expect(await descriptors()).toEqual([["user=u"]]);
      auth.verdict = () => ({ status: 401 });
      limits.asked.length = 0;
      expect((await gateway.request("/")).status).toBe(401);
      expect(limits.asked).toEqual([]);
    } finally {
      await auth.close();
    }
  });

  it("comes, changes and goes on a held connection, and drains none", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const status = async () => (await get(gateway.port, "/", { agent })).status;
    limits.verdict = () => overLimit();
    try {
      await gateway.apply(route(labels));
      expect(await status()).toBe(200);
      const before = await gateway.envoy.stat("http.ingress_http.downstream_cx_total");
      for (const [manifests, expected] of [
        [service(), 429],
        [service({ failure_mode_deny: true }), 429],
        [service({ domain: "other" }), 200],
        [service(), 429],
        ["", 200],
      ] as const) {
        await gateway.apply(manifests + route(labels));
        expect(await status()).toBe(expected);
      }
      expect(await gateway.envoy.stat("http.ingress_http.downstream_cx_total")).toBe(before);
      expect(await gateway.envoy.stat("listener_manager.total_filter_chains_draining")).toBe(0);
      expect(await gateway.envoy.stat("listener_manager.listener_modified")).toBe(0);
    } finally {
      agent.destroy();
    }
  });
});
