import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LocalServer, pods } from "../support/backends.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf, serviceWith } from "../support/manifests.ts";

const addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
let gateway: Gateway;
let servers: readonly LocalServer[];
let port: number;

beforeAll(async () => {
  [gateway, servers] = await Promise.all([startGateway(), pods(addresses)]);
  port = servers[0]?.port ?? 0;
});

afterAll(async () => {
  await Promise.all([gateway.stop(), ...servers.map((server) => server.close())]);
});

const apply = (spec: object, module: Readonly<Record<string, unknown>> = {}) =>
  gateway.apply(
    moduleOf(module) +
      serviceWith("web", port, addresses) +
      mapping("m", { prefix: "/", service: `web:${port}`, resolver: "endpoint", ...spec }),
  );

/** Which Pods answer some requests. */
async function answering(
  count: number,
  headers: (index: number) => Record<string, string>,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) seen.add((await gateway.request("/", { headers: headers(i) })).body);
  return seen;
}

describe("load balancer", () => {
  // shows: Mapping.resolver
  it("goes round the Pods of a Service", async () => {
    expect(await apply({ load_balancer: { policy: "round_robin" } })).toEqual([]);
    expect([...(await answering(3, () => ({})))].sort()).toEqual(addresses);
  });

  // shows: Mapping.load_balancer
  it.each(["ring_hash", "maglev"])("keeps a header's value on one Pod by %s", async (policy) => {
    expect(await apply({ load_balancer: { policy, header: "x-user" } })).toEqual([]);
    for (const user of ["ann", "bob", "cid"]) {
      expect((await answering(10, () => ({ "x-user": user }))).size).toBe(1);
    }
    expect((await answering(60, (i) => ({ "x-user": `user-${i}` }))).size).toBe(3);
    expect((await answering(60, () => ({}))).size).toBe(3);
    const sizes = await gateway.envoy.admin(`/stats?filter=${policy === "maglev" ? "maglev_lb" : "ring_hash_lb"}`);
    expect(sizes.body).not.toBe("");
  });

  it("keeps a client on one Pod by a cookie that it sets itself", async () => {
    const load_balancer = { policy: "ring_hash", cookie: { name: "sticky", ttl: "60s", path: "/" } };
    expect(await apply({ load_balancer })).toEqual([]);
    const first = await gateway.request("/");
    const [cookie = ""] = first.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^sticky="[^"]+"; Max-Age=60; Path=\/; HttpOnly$/);
    expect(await answering(15, () => ({ cookie: cookie.slice(0, cookie.indexOf(";")) }))).toEqual(
      new Set([first.body]),
    );
    await apply({ load_balancer: { policy: "ring_hash", cookie: { name: "sticky" } } });
    expect((await gateway.request("/")).headers["set-cookie"]).toBeUndefined();
    expect((await answering(15, () => ({ cookie: "sticky=mine" }))).size).toBe(1);
  });

  it("keeps a client's address on one Pod", async () => {
    expect(await apply({ load_balancer: { policy: "maglev", source_ip: true } })).toEqual([]);
    expect((await answering(15, () => ({}))).size).toBe(1);
  });

  it("spares a busy Pod by least_request, which asks the less busy of two that are drawn", async () => {
    expect(await apply({ load_balancer: { policy: "least_request" } })).toEqual([]);
    const busy = gateway.request("/", { headers: { "x-answer-delay-ms": "1500" } });
    await new Promise((done) => setTimeout(done, 50));
    const others: string[] = [];
    for (let i = 0; i < 90; i++) others.push((await gateway.request("/")).body);
    // It is drawn twice in a ninth of all cases; going round would ask it thirty times.
    const { body } = await busy;
    expect(others.filter((pod) => pod === body).length).toBeLessThan(21);
  });

  // shows: Module.load_balancer Module.resolver
  it("takes the Module's where a Mapping has none and its resolver yields Pods", async () => {
    const module = { resolver: "endpoint", load_balancer: { policy: "ring_hash", header: "x-user" } };
    const sticky = () => answering(15, () => ({ "x-user": "ann" }));
    expect(await apply({ resolver: undefined }, module)).toEqual([]);
    expect((await sticky()).size).toBe(1);
    expect(await apply({ load_balancer: { policy: "round_robin" } }, module)).toEqual([]);
    expect((await sticky()).size).toBe(3);
    expect(await apply({ resolver: "kubernetes-service" }, module)).toEqual([]);
    expect((await sticky()).size).toBe(3);
  });

  it.each([
    [{ policy: "ring_hash" }, ["load_balancer"], "ring_hash needs something to choose by"],
    [{ policy: "maglev", source_ip: false }, ["load_balancer"], "maglev needs something to choose by"],
    [
      { policy: "maglev", header: "x-user", source_ip: true },
      ["load_balancer"],
      "maglev chooses by one thing, not by header and source_ip",
    ],
    [{ policy: "round_robin", header: "x" }, ["load_balancer", "header"], "round_robin does not look at the request"],
    [
      { policy: "ring_hash", cookie: { name: "a;b" } },
      ["load_balancer", "cookie", "name"],
      '"a;b" is not the name of a cookie',
    ],
    [
      { policy: "ring_hash", cookie: { name: "a", ttl: "60" } },
      ["load_balancer", "cookie", "ttl"],
      '"60" is not a duration',
    ],
    [{ policy: "ring_hash", header: "" }, ["load_balancer", "header"], '"" is not the name of a header'],
  ])("refuses %j", async (load_balancer, path, message) => {
    const problems = await apply({ load_balancer });
    expect(problems.map((problem) => [problem.severity, problem.path.slice(1), problem.message])).toEqual([
      ["error", path, message],
    ]);
  });

  it("refuses a policy where the resolver leaves nothing to choose from", async () => {
    const problems = await apply({ resolver: "kubernetes-service", load_balancer: { policy: "round_robin" } });
    expect(problems.map(({ severity, path, advice }) => [severity, path.slice(1), advice])).toEqual([
      ["error", ["load_balancer"], "add resolver: endpoint, or remove load_balancer"],
    ]);
  });
});
