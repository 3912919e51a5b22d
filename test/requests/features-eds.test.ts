import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LocalServer, pods } from "../support/backends.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { serviceWith } from "../support/manifests.ts";

let gateway: Gateway;
let servers: readonly LocalServer[];

beforeAll(async () => {
  [gateway, servers] = await Promise.all([startGateway(), pods(["127.0.0.1"])]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), ...servers.map((server) => server.close())]);
});

describe("clusters of one Service", () => {
  it("have endpoints at once each, also where their settings differ", async () => {
    const port = servers[0]?.port ?? 0;
    const service = serviceWith("web", port, ["127.0.0.1"]);
    const one = (name: string, spec: object) => mapping(name, { prefix: `/${name}/`, service: `web:${port}`, ...spec });
    await gateway.apply(service + one("a", {}));
    expect((await gateway.request("/a/")).status).toBe(200);
    const start = performance.now();
    await gateway.apply(service + one("a", {}) + one("b", { connect_timeout_ms: 1000 }));
    expect((await gateway.request("/b/")).status).toBe(200);
    await gateway.apply(service + one("a", { cluster_tag: "new" }));
    expect((await gateway.request("/a/")).status).toBe(200);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
