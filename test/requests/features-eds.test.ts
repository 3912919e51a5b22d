import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LocalServer, pods } from "../support/backends.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { mappingWith, moduleOf, resolverOf, serviceWith } from "../support/manifests.ts";

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

describe("Services by name", () => {
  const status = async (manifests: string) => {
    await gateway.apply(serviceWith("web", servers[0]?.port ?? 0, ["127.0.0.1"]) + manifests);
    return (await gateway.request("/")).status;
  };
  const service = () => `web:${servers[0]?.port}`;

  // shows: Module.use_ambassador_namespace_for_service_resolution
  it("are those of the Mapping's namespace, or of the gateway's where the Module says so", async () => {
    const elsewhere = mappingWith(
      { name: "m", namespace: "other" },
      { hostname: "*", prefix: "/", service: service() },
    );
    expect(await status(elsewhere)).toBe(503);
    expect(await status(moduleOf({ use_ambassador_namespace_for_service_resolution: true }) + elsewhere)).toBe(200);
  });

  // shows: KubernetesEndpointResolver.ambassador_id KubernetesServiceResolver.ambassador_id
  it("are found by resolvers that are for this gateway", async () => {
    for (const kind of ["KubernetesEndpointResolver", "KubernetesServiceResolver"]) {
      const byMine = mapping("m", { prefix: "/", service: service(), resolver: "mine" });
      expect(await status(resolverOf(kind, "mine") + byMine)).toBe(200);
      const problems = await gateway.apply(resolverOf(kind, "mine", { ambassador_id: ["other"] }) + byMine);
      expect(problems.map(({ code, path }) => [code, path])).toEqual([["ResolverNotFound", ["spec", "resolver"]]]);
    }
  });
});
