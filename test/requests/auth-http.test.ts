import { X509Certificate } from "node:crypto";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type HttpAuthServer, httpAuthServer } from "../support/auth-servers.ts";
import { selfSigned } from "../support/certificates.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { authServiceOf, moduleNamed, moduleOf, secretOf, serviceWith, tlsContextOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let auth: HttpAuthServer;

beforeAll(async () => {
  [gateway, backend, auth] = await Promise.all([startGateway(), echoBackend("one"), httpAuthServer()]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close(), auth.close()]);
});

beforeEach(() => {
  auth.asked.length = 0;
  auth.verdict = () => ({ status: 200 });
});

type Spec = Readonly<Record<string, unknown>>;

function apply(spec: Spec, others = mapping("m", { prefix: "/", service: backend.service, rewrite: "" })) {
  return gateway.apply(authServiceOf("a", { auth_service: `127.0.0.1:${auth.port}`, ...spec }) + others);
}

describe("an AuthService by HTTP", () => {
  // shows: AuthService.auth_service AuthService.proto AuthService.path_prefix
  it("is asked with method and path of the request, behind its prefix, and lets through what it answers with 200", async () => {
    expect(await apply({ proto: "http", path_prefix: "/check" })).toEqual([]);
    const answer = await gateway.request("/some/path?q=1", { method: "DELETE" });
    expect(answer.echo()).toMatchObject({ method: "DELETE", url: "/some/path?q=1" });
    expect(auth.asked).toMatchObject([{ method: "DELETE", url: "/check/some/path?q=1", body: "" }]);
    expect(auth.asked[0]?.headers.host).toBe("example.com");
  });

  it("gives the client its status, body and the headers of a sign-in, and the upstream sees nothing", async () => {
    await apply({});
    auth.verdict = () => ({
      status: 302,
      headers: { location: "https://login.example.com/", "set-cookie": ["a=1", "b=2"], "x-internal": "secret" },
      body: "sign in",
    });
    const before = backend.seen.length;
    const answer = await gateway.request("/");
    expect(answer).toMatchObject({ status: 302, body: "sign in" });
    expect(answer.headers).toMatchObject({ location: "https://login.example.com/", "set-cookie": ["a=1", "b=2"] });
    expect(answer.headers).not.toHaveProperty("x-internal");
    expect(backend.seen).toHaveLength(before);
    auth.verdict = () => ({ status: 401, headers: { "www-authenticate": "Basic" } });
    expect(await gateway.request("/")).toMatchObject({ status: 401, headers: { "www-authenticate": "Basic" } });
  });

  // shows: AuthService.allowed_request_headers AuthService.add_auth_headers
  it("gets the headers of signing in, those that are allowed, and those that are added", async () => {
    const always = {
      authorization: "Bearer t",
      cookie: "c=1",
      from: "f@example.com",
      "proxy-authorization": "Basic p",
      "user-agent": "agent",
    };
    const sent = { ...always, "x-token": "t", "x-request-id": "5d0e2b1e-0000-4000-8000-000000000000", "x-other": "o" };
    await apply({
      allowed_request_headers: ["X-Token", "x-request-id"],
      add_auth_headers: { "x-from": "gateway", "x-token": "of the gateway" },
    });
    await gateway.request("/", { headers: sent });
    const got = auth.asked[0]?.headers ?? {};
    expect(got).toMatchObject({ ...always, "x-from": "gateway", "x-token": "of the gateway" });
    expect(got).toHaveProperty("x-forwarded-proto", "http");
    expect(got).not.toHaveProperty("x-other");
    const headers: Readonly<Record<string, string>> = backend.seen.at(-1)?.headers ?? {};
    expect(got["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    for (const name of ["x-request-id", "x-forwarded-for"]) expect([name, got[name]]).toEqual([name, headers[name]]);
    expect(headers).toMatchObject({ "x-token": "t", "x-other": "o" });
    expect(headers).not.toHaveProperty("x-from");
  });

  // shows: AuthService.allowed_authorization_headers
  it("adds and replaces headers of the request by those that it may, and no others", async () => {
    await apply({ allowed_authorization_headers: ["X-User"] });
    auth.verdict = () => ({
      status: 200,
      headers: { "x-user": "u", authorization: "Bearer inner", "x-internal": "secret" },
    });
    const answer = await gateway.request("/", { headers: { "x-user": "forged", authorization: "Bearer outer" } });
    expect(answer.echo().headers).toMatchObject({ "x-user": "u", authorization: "Bearer inner" });
    expect(answer.echo().headers).not.toHaveProperty("x-internal");
    expect(answer.headers).not.toHaveProperty("x-user");
    // What it does not mention is as the client sent it; an empty value replaces that.
    auth.verdict = () => ({ status: 200 });
    const user = async () => (await gateway.request("/", { headers: { "x-user": "forged" } })).echo().headers["x-user"];
    expect(await user()).toBe("forged");
    auth.verdict = () => ({ status: 200, headers: { "x-user": "" } });
    expect(await user()).toBe("");
  });

  it("chooses the route by the headers that it added", async () => {
    const other = await echoBackend("premium");
    try {
      const routes =
        mapping("m", { prefix: "/", service: backend.service }) +
        mapping("premium", { prefix: "/", service: other.service, headers: { "x-plan": "premium" } });
      expect(await apply({ allowed_authorization_headers: ["x-plan"] }, routes)).toEqual([]);
      auth.verdict = () => ({ status: 200, headers: { "x-plan": "premium" } });
      expect((await gateway.request("/")).echo().backend).toBe("premium");
    } finally {
      await other.close();
    }
  });

  // shows: AuthService.include_body AuthService.allow_request_body
  it("gets the body when it is to: whole, cut, or 413 where it must not be cut", async () => {
    const post = (body: string) => gateway.request("/", { method: "POST", body });
    await apply({ include_body: { max_bytes: 10, allow_partial: true } });
    expect((await post("0123456789abc")).status).toBe(200);
    expect(auth.asked.at(-1)?.body).toBe("0123456789");
    await apply({ include_body: { max_bytes: 10, allow_partial: false } });
    expect((await post("0123")).status).toBe(200);
    expect(auth.asked.at(-1)?.body).toBe("0123");
    expect((await post("0123456789abc")).status).toBe(413);
    await apply({ allow_request_body: true });
    expect((await post("x".repeat(5000))).status).toBe(200);
    expect(auth.asked.at(-1)?.body).toHaveLength(4096);
    const problems = await apply({ allow_request_body: true, include_body: { max_bytes: 1, allow_partial: true } });
    expect(problems.map(({ code, path }) => [code, path])).toEqual([["IgnoredField", ["spec", "allow_request_body"]]]);
    await post("ab");
    expect(auth.asked.at(-1)?.body).toBe("a");
    await apply({});
    await post("ab");
    expect(auth.asked.at(-1)?.body).toBe("");
  });

  // shows: AuthService.timeout_ms AuthService.status_on_error AuthService.failure_mode_allow
  it("refuses with 403, or as status_on_error says, while there is no answer, unless failure_mode_allow lets through", async () => {
    auth.verdict = () => new Promise(() => undefined);
    await apply({ timeout_ms: 50 });
    expect((await gateway.request("/")).status).toBe(403);
    await apply({ timeout_ms: 50, status_on_error: { code: 503 } });
    expect((await gateway.request("/")).status).toBe(503);
    await apply({ timeout_ms: 50, failure_mode_allow: true });
    expect((await gateway.request("/")).status).toBe(200);
    await apply({ auth_service: "127.0.0.1:1" });
    expect((await gateway.request("/")).status).toBe(403);
  });

  // shows: AuthService.add_linkerd_headers
  it("tells Linkerd the service", async () => {
    const service = `127.0.0.1:${auth.port}`;
    const override = async () => {
      await gateway.request("/");
      return auth.asked.at(-1)?.headers["l5d-dst-override"];
    };
    await apply({ add_linkerd_headers: true });
    expect(await override()).toBe(service);
    await apply({}, mapping("m", { prefix: "/", service: backend.service }) + moduleOf({ add_linkerd_headers: true }));
    expect(await override()).toBe(service);
    await apply({});
    expect(await override()).toBeUndefined();
  });

  // shows: AuthService.stats_name AuthService.circuit_breakers
  it("has a cluster of its own, with its name in statistics and its limits", async () => {
    await apply({ stats_name: "guard", circuit_breakers: [{ max_requests: 1, max_pending_requests: 1 }] });
    let release: () => void = () => undefined;
    auth.verdict = () => new Promise((done) => (release = () => done({ status: 200 })));
    const first = gateway.request("/");
    while (auth.asked.length === 0) await new Promise((done) => setImmediate(done));
    auth.verdict = () => ({ status: 200 });
    expect((await gateway.request("/")).status).toBe(403);
    release();
    expect((await first).status).toBe(200);
    expect(await gateway.envoy.stat("cluster.guard.upstream_rq_total")).toBeGreaterThan(0);
  });

  // shows: AuthService.tls
  it("is called by TLS, with the certificate of its TLSContext", async () => {
    const [served, client] = await Promise.all([selfSigned({ hosts: ["guard"] }), selfSigned({ hosts: ["client"] })]);
    const names: string[] = [];
    const { certificatePem: cert, keyPem: key } = served;
    const guard = https.createServer(
      { cert, key, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        names.push((request.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256 ?? "none");
        response.end();
      },
    );
    await new Promise<void>((done) => guard.listen(0, "127.0.0.1", done));
    const { port } = guard.address() as AddressInfo;
    try {
      const route = mapping("m", { prefix: "/", service: backend.service });
      const manifests =
        secretOf("client", { "tls.crt": client.certificatePem, "tls.key": client.keyPem }) +
        tlsContextOf("client", { secret: "client" });
      expect(await apply({ auth_service: `https://127.0.0.1:${port}` }, route + manifests)).toEqual([]);
      expect((await gateway.request("/")).status).toBe(200);
      expect(await apply({ auth_service: `127.0.0.1:${port}`, tls: "client" }, route + manifests)).toEqual([]);
      expect((await gateway.request("/")).status).toBe(200);
      expect(names).toEqual(["none", new X509Certificate(client.certificatePem).fingerprint256]);
    } finally {
      guard.close();
      guard.closeAllConnections();
    }
  });

  // shows: AuthService.protocol_version
  it("is told what has no effect or cannot be", async () => {
    const found = async (spec: Spec) => (await apply(spec)).map(({ code, path }) => [code, ...path.slice(1)].join(" "));
    expect(await found({ protocol_version: "v2" })).toEqual(["IgnoredField protocol_version"]);
    expect(await found({ path_prefix: "check" })).toEqual(["InvalidField path_prefix"]);
    expect(await found({ status_on_error: { code: 418 } })).toEqual(["InvalidField status_on_error code"]);
    expect(await found({ add_auth_headers: { ":path": "/", "x-a": "100%" } })).toEqual([
      "InvalidField add_auth_headers :path",
      "InvalidField add_auth_headers x-a",
    ]);
    expect(await found({ auth_service: "not a service" })).toEqual(["InvalidService auth_service"]);
    expect(await found({ tls: "missing" })).toEqual(["TlsContextNotFound tls"]);
  });
});

describe("several AuthServices", () => {
  const both = (second: Spec) =>
    authServiceOf("a", { auth_service: `127.0.0.1:${auth.port}`, path_prefix: "/x" }) + authServiceOf("b", second);
  const route = () => mapping("m", { prefix: "/", service: backend.service });

  it("share the requests when they differ in nothing but where they are", async () => {
    const other = await httpAuthServer();
    try {
      const problems = await gateway.apply(
        both({ auth_service: `localhost:${other.port}`, path_prefix: "/x" }) + route(),
      );
      expect(problems).toEqual([]);
      for (let i = 0; i < 20; i++) expect((await gateway.request("/")).status).toBe(200);
      expect([auth.asked.length, other.asked.length]).toEqual([10, 10]);
    } finally {
      await other.close();
    }
  });

  it("share the requests of Services too, by the endpoints of each", async () => {
    const other = await httpAuthServer({ address: "127.0.0.2", port: auth.port });
    try {
      const problems = await gateway.apply(
        serviceWith("guard-a", auth.port, ["127.0.0.1"]) +
          serviceWith("guard-b", auth.port, ["127.0.0.2"]) +
          authServiceOf("a", { auth_service: `guard-a:${auth.port}` }) +
          authServiceOf("b", { auth_service: `guard-b:${auth.port}` }) +
          route(),
      );
      expect(problems).toEqual([]);
      for (let i = 0; i < 20; i++) expect((await gateway.request("/")).status).toBe(200);
      expect([auth.asked.length, other.asked.length]).toEqual([10, 10]);
    } finally {
      await other.close();
    }
  });

  it.each<[string, Spec]>([
    ["a setting", { auth_service: "127.0.0.1:1", path_prefix: "/y" }],
    ["a limit", { auth_service: "127.0.0.1:1", path_prefix: "/x", circuit_breakers: [{ max_requests: 7 }] }],
    ["Linkerd's header", { auth_service: "127.0.0.1:1", path_prefix: "/x", add_linkerd_headers: true }],
  ])("leave the younger one out when they differ in %s", async (_, second) => {
    // What b was before is forgotten, or it would serve on as that.
    await gateway.apply(route());
    const problems = await gateway.apply(both(second) + route());
    expect(problems.map(({ code, object }) => [code, object.name])).toEqual([["ServiceConflict", "b"]]);
    for (let i = 0; i < 4; i++) expect((await gateway.request("/")).status).toBe(200);
    expect(auth.asked.map(({ url }) => url)).toEqual(["/x/", "/x/", "/x/", "/x/"]);
  });
});

describe("the Module authentication", () => {
  it("is an AuthService", async () => {
    const module = moduleNamed("authentication", {
      auth_service: `127.0.0.1:${auth.port}`,
      path_prefix: "/old",
      allowed_headers: ["x-both"],
    });
    const problems = await gateway.apply(module + mapping("m", { prefix: "/", service: backend.service, rewrite: "" }));
    expect(problems).toEqual([]);
    auth.verdict = ({ headers }) => ({ status: 200, headers: { "x-both": `${String(headers["x-both"])} seen` } });
    const answer = await gateway.request("/p", { headers: { "x-both": "b" } });
    expect(auth.asked).toMatchObject([{ url: "/old/p" }]);
    expect(answer.echo().headers["x-both"]).toBe("b seen");
  });

  it("is told what is wrong with it at its own fields", async () => {
    const module = moduleNamed("authentication", { auth_service: "no service", path_prefx: "/old" });
    const problems = await gateway.apply(module);
    expect(problems.map(({ code, object, path }) => [code, object.kind, path])).toEqual([
      ["InvalidService", "Module", ["spec", "config", "auth_service"]],
      ["UnknownField", "Module", ["spec", "config", "path_prefx"]],
    ]);
  });
});
