import https from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { moduleConfigSchema } from "../../crds/module-config.ts";
import { formatPath } from "../../ir/problem.ts";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { type Echo, type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, moduleOf, secretOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let port: number;
let authority: Certificate;
let served: Certificate;
let client: Certificate;

beforeAll(async () => {
  [gateway, backend, port, authority] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    freePort(),
    selfSigned({ hosts: ["authority"], isAuthority: true }),
  ]);
  served = await signedBy(authority, { hosts: ["a.example.com"] });
  client = await signedBy(authority, { hosts: ["client.example.com"] });
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

type Config = Readonly<Record<string, unknown>>;

const all = () => mapping("m", { prefix: "/", service: backend.service });
const apply = (config: Config) => gateway.apply(moduleOf(config) + all());

/** What the service sees of the client's certificate, with these settings; the client sends a header of its own. */
async function told(config: Config): Promise<string | undefined> {
  const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });
  const listener = { port, protocol: "HTTPS", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
  const problems = await gateway.apply(
    moduleOf(config) +
      all() +
      listenerOf("tls", listener) +
      secretOf("served", pair(served)) +
      secretOf("authority", { "tls.crt": authority.certificatePem }) +
      hostOf("a", {
        hostname: "a.example.com",
        tlsSecret: { name: "served" },
        tls: { ca_secret: "authority", cert_required: true },
      }),
  );
  expect(problems).toEqual([]);
  const echo = await new Promise<Echo>((done, fail) =>
    https
      .get(
        {
          host: "127.0.0.1",
          port,
          servername: "a.example.com",
          headers: { host: "a.example.com", "x-forwarded-client-cert": "Hash=mine" },
          ca: authority.certificatePem,
          cert: client.certificatePem,
          key: client.keyPem,
          agent: false,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => done(JSON.parse(Buffer.concat(chunks).toString()) as Echo));
        },
      )
      .on("error", fail),
  );
  return echo.headers["x-forwarded-client-cert"];
}

describe("x-forwarded-client-cert", () => {
  // shows: Module.forward_client_cert_details
  it("is removed unless forward_client_cert_details says otherwise", async () => {
    expect(await told({})).toBeUndefined();
    expect(await told({ forward_client_cert_details: "FORWARD_ONLY" })).toBe("Hash=mine");
    expect(await told({ forward_client_cert_details: "SANITIZE_SET" })).toMatch(/^Hash=[0-9a-f]{64}$/);
    expect(await told({ forward_client_cert_details: "APPEND_FORWARD" })).toMatch(/^Hash=mine,Hash=[0-9a-f]{64}$/);
  });

  // shows: Module.set_current_client_cert_details
  it("tells what set_current_client_cert_details names", async () => {
    const details = { subject: true, dns: true, cert: false };
    const header = await told({
      forward_client_cert_details: "SANITIZE_SET",
      set_current_client_cert_details: details,
    });
    expect(header).toMatch(/Subject="[^"]*"/);
    expect(header).toContain("DNS=client.example.com");
    expect(header).not.toContain("Cert=");
    const problems = await apply({ set_current_client_cert_details: details });
    expect(problems.map(({ code, path }) => [code, path.at(-1)])).toEqual([
      ["IgnoredField", "set_current_client_cert_details"],
    ]);
  });
});

describe("a key that changes nothing", () => {
  // shows: Module.admin_port Module.auth_enabled Module.debug_mode Module.envoy_validation_timeout
  it.each([
    ["admin_port", 8002, /socket/, /8877/],
    ["auth_enabled", true, /AuthService/, /remove/],
    ["debug_mode", true, /diagnostics/, /--log-level/],
    ["envoy_validation_timeout", 30, /judged before/, /remove/],
  ])("%s says what is so instead", keyIsTold);

  // shows: Module.prune_unreachable_routes Module.regex_type Module.service_port Module.statsd Module.tls
  it.each([
    ["prune_unreachable_routes", false, /never sent/, /remove/],
    ["regex_type", "unsafe", /RE2/, /remove/],
    ["service_port", 8080, /Listener/, /spec\.port/],
    ["statsd", { enabled: true }, /\/metrics/, /8877/],
    ["tls", { server: {} }, /does nothing/, /tlsSecret/],
  ])("%s says what is so instead", keyIsTold);

  // shows: Module.use_proxy_proto Module.x_forwarded_proto_redirect Module.xff_num_trusted_hops
  it.each([
    ["use_proxy_proto", true, /PROXY/, /HTTPPROXY/],
    ["x_forwarded_proto_redirect", true, /x-forwarded-proto/, /securityModel: XFP/],
    ["xff_num_trusted_hops", 2, /proxies/, /l7Depth/],
  ])("%s says what is so instead", keyIsTold);

  async function keyIsTold(key: string, value: unknown, message: RegExp, advice: RegExp): Promise<void> {
    const problems = await apply({ [key]: value });
    expect(problems).toHaveLength(1);
    const [problem] = problems;
    expect(problem).toMatchObject({ code: "IgnoredField", severity: "warning", path: ["spec", "config", key] });
    expect(problem?.message).toMatch(message);
    expect(problem?.advice).toMatch(advice);
    expect((await gateway.request("/")).status).toBe(200);
  }

  it("is not told where it says what is so anyway", async () => {
    const config = {
      debug_mode: false,
      prune_unreachable_routes: true,
      use_proxy_proto: false,
      xff_num_trusted_hops: 0,
    };
    expect(await apply(config)).toEqual([]);
  });
});

describe("a key that does not exist", () => {
  const findings = async (config: Config) =>
    (await apply(config)).map(({ code, severity, path, advice }) => [severity, code, formatPath(path), advice]);

  it("is a warning with the one that was meant, at any depth", async () => {
    expect(
      await findings({
        enable_grpc_webb: true,
        gzip: { window_bit: 9 },
        liveness_probe: { enable: false },
        ip_deny: [{ peer: "10.0.0.1", remot: "10.0.0.1" }],
        grpc_stats: { services: [{ name: "a.B", method_names: ["C"], methods: [] }] },
      }),
    ).toEqual(
      [
        ["warning", "UnknownField", "spec.config.enable_grpc_webb", "did you mean enable_grpc_web?"],
        ["warning", "UnknownField", "spec.config.gzip.window_bit", "did you mean window_bits?"],
        ["warning", "UnknownField", "spec.config.grpc_stats.services[0].methods", expect.any(String)],
        ["warning", "UnknownField", "spec.config.ip_deny[0].remot", "did you mean remote?"],
        ["warning", "UnknownField", "spec.config.liveness_probe.enable", "did you mean enabled?"],
      ].sort(([, , a], [, , b]) => (String(a) < String(b) ? -1 : 1)),
    );
  });

  it("is none of those that the schema has", () => {
    expect(Object.keys(moduleConfigSchema.shape)).toHaveLength(64);
  });
});

describe("a Module with an error", () => {
  it("leaves the last good one in force, whole", async () => {
    expect(await apply({ server_name: "first", ip_deny: [{ peer: "10.0.0.1" }] })).toEqual([]);
    for (const config of [
      { server_name: "second", gzip: { window_bits: 99 } },
      { server_name: "second", gzip: { compression_level: "MOST" } },
      { server_name: "second", envoy_log_format: "%NOTHING%" },
    ]) {
      const problems = await apply(config);
      expect(problems.map(({ severity, object }) => [severity, object.kind])).toEqual([["error", "Module"]]);
      expect((await gateway.request("/")).headers["server"]).toBe("first");
    }
    expect(await apply({ server_name: "third" })).toEqual([]);
    expect((await gateway.request("/")).headers["server"]).toBe("third");
  });
});
