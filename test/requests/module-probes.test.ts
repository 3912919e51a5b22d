import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { AdminServer } from "../../runtime/admin-port.ts";
import { startAdminServer } from "../../runtime/admin-server.ts";
import type { Readiness } from "../../runtime/readiness.ts";
import { silentLog } from "../../runtime/log.ts";
import { freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let admin: AdminServer;
let readiness: Readiness = { ready: true };

beforeAll(async () => {
  admin = await startAdminServer({
    at: { address: "127.0.0.1", port: await freePort() },
    readiness: () => readiness,
    metrics: { contentType: "text/plain", write: () => Promise.resolve() },
    diagnostics: {
      answer: (query) => ({ status: 200, contentType: "text/plain", body: `the diagnostics with ${query}` }),
    },
    log: silentLog,
  });
  [gateway, backend] = await Promise.all([
    startGateway({ settings: { ownService: `127.0.0.1:${admin.port}` } }),
    echoBackend("one"),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close(), admin.close()]);
});

const alive = "/ambassador/v0/check_alive";
const ready = "/ambassador/v0/check_ready";

type Config = Readonly<Record<string, unknown>>;

const all = () => mapping("m", { prefix: "/", service: backend.service, rewrite: "" });
const apply = (config: Config, more = "") => gateway.apply(moduleOf(config) + all() + more);

async function ask(path: string, host?: string): Promise<readonly [number, string]> {
  const { status, body } = await gateway.request(path, host === undefined ? {} : { host });
  return [status, body.startsWith("{") ? "backend" : body.trim()];
}

describe("the gateway's probes through its Listeners", () => {
  // shows: Module.liveness_probe Module.readiness_probe
  it("answer as on its own port, until the Module switches them off", async () => {
    expect(await apply({})).toEqual([]);
    expect(await ask(alive)).toEqual([200, "Ambassador is alive and well"]);
    expect(await ask(ready)).toEqual([200, "Ambassador is ready and waiting"]);
    readiness = { ready: false, reason: "a test" };
    expect(await ask(ready)).toEqual([503, "Ambassador is not ready"]);
    readiness = { ready: true };
    expect(await apply({ liveness_probe: { enabled: false } })).toEqual([]);
    expect([await ask(alive), await ask(ready)]).toEqual([
      [200, "backend"],
      [200, "Ambassador is ready and waiting"],
    ]);
    expect(await apply({ readiness_probe: { enabled: false } })).toEqual([]);
    expect([await ask(alive), await ask(ready)]).toEqual([
      [200, "Ambassador is alive and well"],
      [200, "backend"],
    ]);
  });

  it("have the path, the rewrite and the service that the Module says", async () => {
    expect(await apply({ liveness_probe: { prefix: "/up" }, readiness_probe: { service: backend.service } })).toEqual(
      [],
    );
    expect([await ask("/up"), await ask(alive), await ask(ready)]).toEqual([
      [200, "Ambassador is alive and well"],
      [200, "backend"],
      [200, "backend"],
    ]);
    expect(await apply({ liveness_probe: { rewrite: "/healthz" } })).toEqual([]);
    expect(await ask(alive)).toEqual([200, "ok"]);
    const problems = await apply({ liveness_probe: { service: "no such name" } });
    expect(problems.map(({ severity, code, object, path }) => [severity, code, object.kind, path])).toEqual([
      ["error", "InvalidService", "Module", ["spec", "config", "liveness_probe", "service"]],
    ]);
  });

  it("are on every Host, whatever Mappings it selects", async () => {
    const picky = { hostname: "picky.example.com", mappingSelector: { matchLabels: { a: "b" } } };
    const insecure = { requestPolicy: { insecure: { action: "Route" } } };
    expect(
      (await apply({}, hostOf("picky", { ...picky, ...insecure }))).filter(({ severity }) => severity === "error"),
    ).toEqual([]);
    expect(await ask(alive, "picky.example.com")).toEqual([200, "Ambassador is alive and well"]);
    expect((await gateway.request("/", { host: "picky.example.com" })).status).toBe(404);
  });

  it("give way to a Mapping of the same path", async () => {
    expect(await apply({}, mapping("own", { prefix: alive, service: backend.service }))).toEqual([]);
    for (let i = 0; i < 5; i++) expect(await ask(alive)).toEqual([200, "backend"]);
    expect(await ask(ready)).toEqual([200, "Ambassador is ready and waiting"]);
  });
});

describe("diagnostics", () => {
  // shows: Module.diagnostics
  it("are there through the Listeners by wish alone, on every Host, behind a Mapping of the same path", async () => {
    const page = "/ambassador/v0/diag/";
    for (const config of [{}, { diagnostics: {} }, { diagnostics: { allow_non_local: true } }]) {
      expect(await apply(config)).toEqual([]);
      expect(await ask(page)).toEqual([200, "backend"]);
    }
    expect(await apply({ diagnostics: { enabled: true } })).toEqual([]);
    expect(await ask(`${page}?json=true`)).toEqual([200, "the diagnostics with json=true"]);
    expect(await ask(alive)).toEqual([200, "Ambassador is alive and well"]);
    expect(await apply({ diagnostics: { enabled: true, prefix: "/look/" } })).toEqual([]);
    expect(await ask("/look/")).toEqual([200, "the diagnostics with"]);
    expect(
      await apply({ diagnostics: { enabled: true } }, mapping("own", { prefix: page, service: backend.service })),
    ).toEqual([]);
    expect(await ask(page)).toEqual([200, "backend"]);
  });
});
