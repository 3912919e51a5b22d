import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type HttpAuthServer, httpAuthServer } from "../support/auth-servers.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { ingressClass, ingressOf, pathOf, ruleOf, serviceOf } from "../support/ingress.ts";
import { authServiceOf, hostOf, moduleOf, rateLimitServiceOf } from "../support/manifests.ts";
import { overLimit, type RateLimitServer, rateLimitServer } from "../support/rate-limit-server.ts";

let gateway: Gateway;
let backend: EchoBackend;
let auth: HttpAuthServer;
let limits: RateLimitServer;

beforeAll(async () => {
  [backend, auth, limits] = await Promise.all([echoBackend("one"), httpAuthServer(), rateLimitServer()]);
  gateway = await startGateway({ settings: { ownService: backend.service } });
});

afterAll(async () => {
  limits.close();
  await Promise.all([gateway.stop(), backend.close(), auth.close()]);
});

beforeEach(() => {
  auth.asked.length = 0;
  auth.verdict = () => ({ status: 403, body: "no" });
  limits.verdict = () => ({ overallCode: 1 });
});

const guarded = () => authServiceOf("a", { auth_service: `127.0.0.1:${auth.port}` });
const ingress = () =>
  ingressClass + serviceOf(backend) + ingressOf("i", { rules: [ruleOf(undefined, pathOf("/in", "Prefix", backend))] });

function annotated(prefix: string, more: object = {}): string {
  const inner = {
    ...{ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", name: `m${prefix.replaceAll("/", "-")}x` },
    ...{ hostname: "*", prefix, service: backend.service, ...more },
  };
  const annotations = { "getambassador.io/config": JSON.stringify(inner) };
  const metadata = { name: `bearer${prefix.replaceAll("/", "-")}x`, annotations };
  return `---\n${JSON.stringify({ apiVersion: "v1", kind: "Service", metadata, spec: {} })}\n`;
}

const statuses = (...paths: readonly string[]) =>
  Promise.all(paths.map(async (path) => (await gateway.request(path)).status));

describe("an AuthService", () => {
  it("is asked for what Ingresses and annotations bring, and not for probes and what bypasses it", async () => {
    const open = annotated("/open/", { bypass_auth: true });
    expect(await gateway.apply(guarded() + ingress() + annotated("/noted/") + open)).toEqual([]);
    expect(await statuses("/in/x", "/noted/", "/open/", "/ambassador/v0/check_alive")).toEqual([403, 403, 200, 200]);
    expect(auth.asked.map(({ url }) => url).sort()).toEqual(["/in/x", "/noted/"]);
    auth.verdict = () => ({ status: 200 });
    expect(await statuses("/in/x", "/noted/")).toEqual([200, 200]);
  });

  it("refuses them all while it has an error, from an annotation too", async () => {
    const service = { apiVersion: "getambassador.io/v3alpha1", kind: "AuthService", name: "inner", auth_service: 7 };
    const annotations = { "getambassador.io/config": JSON.stringify(service) };
    const bearer = `---\n${JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "b", annotations }, spec: {} })}\n`;
    const problems = await gateway.apply(bearer + ingress() + annotated("/noted/"));
    expect(problems.map(({ code, object }) => `${code} ${object.kind}`)).toEqual(["InvalidField Service"]);
    expect(await statuses("/in/x", "/noted/", "/ambassador/v0/check_ready")).toEqual([500, 500, 200]);
  });

  it("is asked for ACME challenges that are routed where all else is redirected", async () => {
    const host = hostOf("secure", { hostname: "secure.test", requestPolicy: { insecure: { action: "Redirect" } } });
    const acme = "/.well-known/acme-challenge/";
    const mappings = mapping("acme", { prefix: acme, service: backend.service }) + annotated("/noted/");
    expect(await gateway.apply(guarded() + host + mappings)).toEqual([]);
    const at = async (path: string) => (await gateway.request(path, { host: "secure.test" })).status;
    expect([await at(`${acme}x`), await at("/noted/")]).toEqual([403, 301]);
    expect(auth.asked.map(({ url }) => url)).toEqual([`${acme}x`]);
  });
});

describe("bodies for error responses", () => {
  const body = (status: number, text: string) => ({ on_status_code: status, body: { text_format: text } });
  const bodies = { error_response_overrides: [body(403, "denied here"), body(429, "slow down")] };

  it("are those of denials and of limits too, the Mapping's before the Module's", async () => {
    const limited = rateLimitServiceOf("l", { service: `127.0.0.1:${limits.port}`, timeout_ms: 5000 });
    const labels = { ambassador: [{ g: [{ generic_key: { value: "x" } }] }] };
    const own = annotated("/own/", { error_response_overrides: [body(403, "denied there")] });
    const counted = mapping("counted", { prefix: "/counted/", service: backend.service, labels, bypass_auth: true });
    limits.verdict = () => overLimit();
    expect(await gateway.apply(moduleOf(bodies) + guarded() + limited + ingress() + own + counted)).toEqual([]);
    const answer = async (path: string) => {
      const { status, body } = await gateway.request(path);
      return [status, body];
    };
    expect(await answer("/in/x")).toEqual([403, "denied here"]);
    expect(await answer("/own/")).toEqual([403, "denied there"]);
    expect(await answer("/counted/")).toEqual([429, "slow down"]);
  });
});

it("the Module's defaults are those of an Ingress's Mappings too", async () => {
  const defaults = { httpmapping: { add_response_headers: { "x-gateway": "yes" } } };
  expect(await gateway.apply(moduleOf({ defaults }) + ingress())).toEqual([]);
  expect((await gateway.request("/in/x")).headers["x-gateway"]).toBe("yes");
});
