import { Agent } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type HttpAuthServer, httpAuthServer } from "../support/auth-servers.ts";
import { freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { get, startLoad } from "../support/http.ts";
import { authServiceOf, hostOf, listenerOf, moduleNamed } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let auth: HttpAuthServer;

beforeAll(async () => {
  [backend, auth] = await Promise.all([echoBackend("one"), httpAuthServer()]);
});

afterAll(async () => {
  await Promise.all([backend.close(), auth.close()]);
});

// What has been good is remembered, so that each test begins with a gateway that has seen nothing.
beforeEach(async () => {
  gateway = await startGateway();
  auth.asked.length = 0;
  auth.verdict = () => ({ status: 200 });
});

afterEach(() => gateway.stop());

type Spec = Readonly<Record<string, unknown>>;

const service = (spec: Spec = {}, name = "a") =>
  authServiceOf(name, { auth_service: `127.0.0.1:${auth.port}`, ...spec });
const route = (prefix: string, spec: Spec = {}) =>
  mapping(prefix.replaceAll(/\W/g, "") || "all", { prefix, service: backend.service, ...spec });

describe("an AuthService with an error", () => {
  const bad = (spec: Spec) => authServiceOf("a", { auth_service: "127.0.0.1:1", ...spec });
  const redirect = mapping("redirect", { prefix: "/away/", host_redirect: true, service: "example.org" });

  it.each([
    ["a value of the wrong type", bad({ timeout_ms: "soon" })],
    ["a protocol that is not spoken", bad({ proto: "grpc", protocol_version: "v2" })],
    ["a TLSContext that is not there", bad({ tls: "missing" })],
    ["no service", bad({ auth_service: "" })],
    ["an error in the Module authentication", moduleNamed("authentication", { auth_service: 7 })],
  ])("refuses all that it would be asked for, and only that: %s", async (_, manifest) => {
    const problems = await gateway.apply(manifest + route("/") + route("/open/", { bypass_auth: true }) + redirect);
    expect(problems.filter(({ severity }) => severity === "error")).toHaveLength(1);
    const requestId = "5d0e2b1e-0000-4000-8000-000000000000";
    const answer = await gateway.request("/", { headers: { "x-request-id": requestId } });
    expect(answer.status).toBe(500);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(answer.body)).toMatchObject({
      status_code: 500,
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect((JSON.parse(answer.body) as { message: string }).message).toMatch(
      /(AuthService default\/a|Module default\/authentication)$/,
    );
    expect((await gateway.request("/open/")).status).toBe(200);
    expect((await gateway.request("/away/")).status).toBe(301);
    expect(auth.asked).toEqual([]);
  });

  it("serves on in its last good version", async () => {
    await gateway.apply(service() + route("/"));
    const problems = await gateway.apply(service({ proto: "grpc", protocol_version: "v2" }) + route("/"));
    expect(problems.map(({ code }) => code)).toEqual(["InvalidField"]);
    expect((await gateway.request("/")).status).toBe(200);
    expect(auth.asked).toHaveLength(1);
    auth.verdict = () => ({ status: 401 });
    expect((await gateway.request("/")).status).toBe(401);
  });

  it("asks again as soon as it is corrected, and nobody when it is gone", async () => {
    await gateway.apply(service({ tls: "missing" }) + route("/"));
    expect((await gateway.request("/")).status).toBe(500);
    await gateway.apply(service() + route("/"));
    expect((await gateway.request("/")).status).toBe(200);
    expect(auth.asked).toHaveLength(1);
    await gateway.apply(route("/"));
    expect((await gateway.request("/")).status).toBe(200);
    expect(auth.asked).toHaveLength(1);
  });

  it("changes nothing where another one can be asked", async () => {
    const problems = await gateway.apply(service({}, "good") + service({ tls: "missing" }, "a") + route("/"));
    expect(problems.map(({ code }) => code)).toEqual(["TlsContextNotFound"]);
    expect((await gateway.request("/")).status).toBe(200);
    expect(auth.asked).toHaveLength(1);
  });

  // shows: AuthService.ambassador_id
  it("is none of ours with another ambassador_id", async () => {
    await gateway.apply(service({ ambassador_id: ["other"], timeout_ms: "soon" }) + route("/"));
    expect((await gateway.request("/")).status).toBe(200);
  });
});

describe("what asks nobody", () => {
  it("is a redirect, of a Mapping or to https", async () => {
    auth.verdict = () => ({ status: 401 });
    const manifests =
      service() +
      hostOf("r", { hostname: "r.example.com", requestPolicy: { insecure: { action: "Redirect" } } }) +
      route("/") +
      route("/.well-known/acme-challenge/") +
      mapping("open", { prefix: "/.well-known/acme-challenge/", hostname: "r.example.com", service: backend.service }) +
      mapping("away", { prefix: "/away/", host_redirect: true, service: "example.org" });
    expect(await gateway.apply(manifests)).toEqual([]);
    expect((await gateway.request("/", { host: "r.example.com" })).status).toBe(301);
    expect((await gateway.request("/away/")).status).toBe(301);
    expect(auth.asked).toEqual([]);
    // Served without TLS, and so asked for.
    expect((await gateway.request("/.well-known/acme-challenge/x", { host: "r.example.com" })).status).toBe(401);
    expect((await gateway.request("/")).status).toBe(401);
  });

  it("is a redirect to https behind a trusted proxy", async () => {
    auth.verdict = () => ({ status: 401 });
    const port = await freePort();
    const manifests =
      service() +
      listenerOf("behind", {
        port,
        protocol: "HTTP",
        securityModel: "XFP",
        l7Depth: 1,
        hostBinding: { namespace: { from: "ALL" } },
      }) +
      hostOf("r", { hostname: "r.example.com", requestPolicy: { insecure: { action: "Redirect" } } }) +
      route("/");
    expect(await gateway.apply(manifests)).toEqual([]);
    const status = async (proto: string) =>
      (await get(port, "/", { host: "r.example.com", headers: { "x-forwarded-proto": proto } })).status;
    expect(await status("http")).toBe(301);
    expect(auth.asked).toEqual([]);
    expect(await status("https")).toBe(401);
  });

  it("is neither with an error in the AuthService", async () => {
    const manifests =
      service({ tls: "missing" }) +
      hostOf("r", { hostname: "r.example.com", requestPolicy: { insecure: { action: "Redirect" } } }) +
      route("/") +
      route("/.well-known/acme-challenge/");
    await gateway.apply(manifests);
    expect((await gateway.request("/", { host: "r.example.com" })).status).toBe(301);
    expect((await gateway.request("/.well-known/acme-challenge/x", { host: "r.example.com" })).status).toBe(500);
  });
});

describe("an AuthService that comes, changes and goes", () => {
  it("drains no connection", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const status = async () => (await get(gateway.port, "/", { agent })).status;
    try {
      await gateway.apply(route("/"));
      expect(await status()).toBe(200);
      auth.verdict = () => ({ status: 401 });
      for (const [manifests, expected] of [
        [service(), 401],
        [service({ path_prefix: "/other" }), 401],
        [service({ timeout_ms: 1000, status_on_error: { code: 500 } }), 401],
        ["", 200],
        [service(), 401],
        ["", 200],
      ] as const) {
        await gateway.apply(manifests + route("/"));
        expect(await status()).toBe(expected);
      }
      expect(await gateway.envoy.stat("listener_manager.total_filter_chains_draining")).toBe(0);
      expect(await gateway.envoy.stat("listener_manager.listener_modified")).toBe(0);
      expect(await gateway.envoy.stat("http.ingress_http.downstream_cx_total")).toBe(1);
    } finally {
      agent.destroy();
    }
  });

  it("lets nothing through unasked while it changes, its service moves and Mappings come and go", async () => {
    const second = await httpAuthServer();
    auth.verdict = () => ({ status: 401 });
    second.verdict = () => ({ status: 401 });
    const services = [auth.port, second.port].map((port, index) =>
      service({ auth_service: `127.0.0.1:${port}`, timeout_ms: 5000 + index }),
    );
    try {
      await gateway.apply((services[0] ?? "") + route("/"));
      const load = startLoad(gateway.port, "/", 2);
      const before = backend.seen.length;
      for (let i = 1; i <= 30; i++) {
        const more = i % 3 === 0 ? route("/more/", { bypass_auth: i % 2 === 0 }) : "";
        await gateway.apply((services[i % 2] ?? "") + route("/", { timeout_ms: 3000 + i }) + more);
      }
      const { sent, failures } = await load.stop();
      expect(sent).toBeGreaterThan(30);
      // 403: on a busy machine a question outlives its service's cluster, which goes after a short grace here.
      expect((failures.get("401") ?? 0) + (failures.get("403") ?? 0)).toBe(sent);
      expect(backend.seen).toHaveLength(before);
      expect(second.asked.length).toBeGreaterThan(0);
    } finally {
      await second.close();
    }
  });

  it("protects a Mapping that comes with it from its first request on", async () => {
    auth.verdict = () => ({ status: 401 });
    const before = backend.seen.length;
    const load = startLoad(gateway.port, "/", 4);
    for (let i = 1; i <= 20; i++) {
      await gateway.apply(service({ timeout_ms: 5000 + i }) + route("/"));
      // In one step the filter would go first: what is open then is open because the AuthService is gone.
      await gateway.apply(service({ timeout_ms: 5000 + i }));
      await gateway.apply("");
    }
    const { failures, sent } = await load.stop();
    expect([...failures.keys()].sort()).toEqual(["401", "404"]);
    expect((failures.get("401") ?? 0) + (failures.get("404") ?? 0)).toBe(sent);
    expect(backend.seen).toHaveLength(before);
  });

  it("never asks for a bypassing Mapping, whichever comes first", async () => {
    auth.verdict = () => ({ status: 401 });
    await gateway.apply(route("/", { bypass_auth: true }));
    const load = startLoad(gateway.port, "/", 2);
    for (let i = 1; i <= 10; i++)
      await gateway.apply((i % 2 === 1 ? service() : "") + route("/", { bypass_auth: true, timeout_ms: 3000 + i }));
    const { failures } = await load.stop();
    expect([...failures]).toEqual([]);
    expect(auth.asked).toEqual([]);
  });
});
