import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type LocalServer, localServer } from "../support/backends.ts";
import { startConsul, type TestConsul } from "../support/consul.ts";
import { eventually } from "../support/eventually.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf, resolverOf, tcpMappingOf } from "../support/manifests.ts";
import { freePort } from "../support/envoy.ts";

let gateway: Gateway;
let consul: TestConsul;
const servers = new Map<string, LocalServer>();

/** A server that answers its name. */
async function server(name: string): Promise<LocalServer> {
  const known = servers.get(name);
  if (known !== undefined) return known;
  const made = await localServer((_request, response) => response.end(name));
  servers.set(name, made);
  return made;
}

const instance = async (name: string) => ({ address: "127.0.0.1", port: (await server(name)).port });
const resolver = (name: string, spec: object = {}) =>
  resolverOf("ConsulResolver", name, { address: consul.address, datacenter: "dc1", ...spec });
const body = async (path: string) => {
  const { status, body } = await gateway.request(path);
  return status === 200 ? body : status;
};
const becomes = (path: string, expected: string | number) =>
  eventually(`${path} answers ${expected}`, async () => (await body(path)) === expected);

beforeAll(async () => {
  gateway = await startGateway({ env: { CONSUL_HOST: "127.0.0.1", CONSUL_HTTP_TOKEN: "secret-token" } });
});

beforeEach(async () => {
  consul = await startConsul();
});

afterEach(async () => {
  await gateway.apply("");
  await consul.stop();
});

afterAll(async () => {
  await gateway.stop();
  for (const each of servers.values()) await each.close();
});

describe("a Mapping with a ConsulResolver", () => {
  // shows: ConsulResolver.address ConsulResolver.datacenter
  it("is answered by healthy instances, and follows them at once without being asked", async () => {
    consul.set("web", [await instance("one")]);
    const problems = await gateway.apply(
      resolver("mine") + mapping("m", { prefix: "/", service: "web", resolver: "mine" }),
    );
    expect(problems).toEqual([]);
    expect(await body("/")).toBe("one");
    await eventually("the next query waits", () => consul.waiting("web") === 1);
    consul.set("web", [await instance("two")]);
    await becomes("/", "two");
    consul.set("web", []);
    await becomes("/", 503);
    consul.set("web", [await instance("one")]);
    await becomes("/", "one");
    expect(consul.queries.every(({ passing, datacenter }) => passing && datacenter === "dc1")).toBe(true);
    expect(consul.queries[0]).toMatchObject({ index: 0, headers: { "x-consul-token": "secret-token" } });
    expect(consul.queries.slice(1).every(({ index }) => index > 100)).toBe(true);
  });

  it("is answered from its first request on", async () => {
    consul.set("web", [await instance("one")]);
    for (let i = 0; i < 5; i++) {
      await gateway.apply(
        resolver(`r${i}`) + mapping(`m${i}`, { prefix: `/${i}/`, service: "web", resolver: `r${i}` }),
      );
      expect(await body(`/${i}/`)).toBe("one");
    }
  });

  it("uses all instances, and the node's address where the service has none", async () => {
    const [one, two] = [await instance("one"), await instance("two")];
    consul.set("web", [one, { address: "", node: two.address, port: two.port }, { address: "127.0.0.1", port: 0 }]);
    await gateway.apply(resolver("mine") + mapping("m", { prefix: "/", service: "web", resolver: "mine" }));
    const seen = new Set<unknown>();
    for (let i = 0; i < 10; i++) seen.add(await body("/"));
    expect([...seen].sort()).toEqual(["one", "two"]);
  });

  it("finds instances that are registered by a host name", async () => {
    consul.set("web", [{ ...(await instance("one")), address: "localhost" }]);
    await gateway.apply(resolver("mine") + mapping("m", { prefix: "/", service: "web", resolver: "mine" }));
    await becomes("/", "one");
  });

  it("knows variables in the resolver's address", async () => {
    consul.set("web", [await instance("one")]);
    const address = `\${CONSUL_HOST}:${consul.port}`;
    await gateway.apply(
      resolver("mine", { address }) + mapping("m", { prefix: "/", service: "web", resolver: "mine" }),
    );
    expect(await body("/")).toBe("one");
  });

  it("is told apart from the same service in another datacenter", async () => {
    consul.set("web", [await instance("one")], "dc1");
    consul.set("web", [await instance("two")], "dc2");
    await gateway.apply(
      resolver("here") +
        resolver("there", { datacenter: "dc2" }) +
        mapping("a", { prefix: "/here/", service: "web", resolver: "here" }) +
        mapping("b", { prefix: "/there/", service: "web", resolver: "there" }),
    );
    expect([await body("/here/"), await body("/there/")]).toEqual(["one", "two"]);
  });

  it("shares one watch with others of the same service, and ends it when nobody needs it", async () => {
    consul.set("web", [await instance("one")]);
    const two = (settings: object) =>
      resolver("mine") +
      mapping("a", { prefix: "/a/", service: "web", resolver: "mine" }) +
      mapping("b", { prefix: "/b/", service: "web", resolver: "mine", ...settings });
    await gateway.apply(two({ connect_timeout_ms: 1234 }));
    expect([await body("/a/"), await body("/b/")]).toEqual(["one", "one"]);
    await eventually("one query waits", () => consul.waiting("web") === 1);
    expect(consul.queries.filter(({ index }) => index === 0)).toHaveLength(1);
    await gateway.apply("");
    await eventually("no query waits", () => consul.waiting("web") === 0);
  });

  it("has health checks and a load balancer, as over Pods", async () => {
    consul.set("web", [await instance("one")]);
    const spec = {
      prefix: "/",
      service: "web",
      resolver: "mine",
      load_balancer: { policy: "ring_hash", header: "x-user" },
      health_checks: [{ health_check: { http: { path: "/healthz" } } }],
    };
    expect(await gateway.apply(resolver("mine") + mapping("m", spec))).toEqual([]);
    await becomes("/", "one");
  });

  // shows: ConsulResolver.ambassador_id
  it("is found by resolvers that are for this gateway", async () => {
    consul.set("web", [await instance("one")]);
    const byMine = mapping("m", { prefix: "/", service: "web", resolver: "mine" });
    const problems = await gateway.apply(resolver("mine", { ambassador_id: ["other"] }) + byMine);
    expect(problems.map(({ code, path }) => [code, path])).toEqual([["ResolverNotFound", ["spec", "resolver"]]]);
    expect(await gateway.apply(resolver("mine", { ambassador_id: ["default"] }) + byMine)).toEqual([]);
    expect(await body("/")).toBe("one");
  });

  it("may have its resolver from the Module", async () => {
    consul.set("web", [await instance("one")]);
    await gateway.apply(
      moduleOf({ resolver: "mine" }) + resolver("mine") + mapping("m", { prefix: "/", service: "web" }),
    );
    expect(await body("/")).toBe("one");
  });

  it("names what is no service of Consul, and what has no effect", async () => {
    const of = async (spec: object) => {
      const m = mapping("m", { prefix: "/", resolver: "mine", ...spec });
      return (await gateway.apply(resolver("mine") + m)).map(({ code, severity, path }) => [code, severity, path]);
    };
    expect(await of({ service: "web.default" })).toEqual([["InvalidService", "error", ["spec", "service"]]]);
    expect(await of({ service: "127.0.0.1" })).toEqual([["InvalidService", "error", ["spec", "service"]]]);
    expect(await of({ service: "web:8080" })).toEqual([["IgnoredField", "warning", ["spec", "service"]]]);
    const bad = resolver("mine", { datacenter: "", address: "consul:8500:1" });
    const problems = await gateway.apply(bad + mapping("m", { prefix: "/", service: "web", resolver: "mine" }));
    expect(problems.map(({ object, path }) => [object.kind, path.join(".")])).toEqual([
      ["ConsulResolver", "spec.address"],
      ["ConsulResolver", "spec.datacenter"],
      ["Mapping", "spec.resolver"],
    ]);
  });
});

describe("a TCPMapping with a ConsulResolver", () => {
  it("is connected to the service's instances", async () => {
    consul.set("web", [await instance("one")]);
    const port = await freePort();
    await gateway.apply(resolver("mine") + tcpMappingOf("t", { port, service: "web", resolver: "mine" }));
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect(await answer.text()).toBe("one");
  });
});

describe("a Consul that is not well", () => {
  const web = () => resolver("mine") + mapping("m", { prefix: "/web/", service: "web", resolver: "mine" });

  it("delays nothing else when it never answers, and is told of with the Mapping that needs it", async () => {
    consul.behave("hang");
    const { port } = await server("one");
    await gateway.apply(web() + mapping("other", { prefix: "/other/", service: `127.0.0.1:${port}` }));
    expect(await body("/other/")).toBe("one");
    expect(await body("/web/")).toBe(503);
    // A second one, made later, does not wait for the first.
    await gateway.apply(web() + mapping("later", { prefix: "/later/", service: `127.0.0.1:${port}` }));
    expect(await body("/later/")).toBe("one");
    const [problem] = await eventually(
      "it is told",
      () => {
        const found = gateway.consulProblems();
        return found.length > 0 ? found : undefined;
      },
      { timeoutMs: 30_000 },
    );
    expect(problem).toMatchObject({
      code: "ConsulUnavailable",
      severity: "warning",
      object: { kind: "Mapping", name: "m" },
      path: ["spec", "service"],
    });
  });

  it("is asked again until it answers; what it said last holds meanwhile", async () => {
    consul.set("web", [await instance("one")]);
    await gateway.apply(web());
    expect(await body("/web/")).toBe("one");
    await consul.stop();
    expect(await body("/web/")).toBe("one");
    consul.set("web", [await instance("two")]);
    await consul.start();
    await becomes("/web/", "two");
  });

  it("is asked anew after errors, whatever it answers with", async () => {
    consul.set("web", [await instance("one")]);
    await gateway.apply(web());
    for (const answer of [
      { status: 500, body: "No path to datacenter" },
      { status: 403, body: "Permission denied" },
      { status: 200, body: "<html>" },
      { status: 200, body: '{"not": "a list"}' },
    ]) {
      consul.behave(answer);
      const before = consul.queries.length;
      await eventually("it was asked twice more", () => consul.queries.length > before + 2);
      expect(await body("/web/")).toBe("one");
      const name = `after ${answer.body}`;
      consul.set("web", [await instance(name)]);
      consul.behave(undefined);
      await becomes("/web/", name);
      consul.set("web", [await instance("one")]);
      await becomes("/web/", "one");
    }
  });

  it("may count from the start again", async () => {
    consul.set("web", [await instance("one")]);
    await gateway.apply(web());
    await eventually("the next query waits", () => consul.waiting("web") === 1);
    consul.restore();
    consul.behave({ status: 500, body: "restoring" });
    consul.behave(undefined);
    await eventually("the next query waits again", () => consul.waiting("web") === 1 && consul.queries.length > 3);
    consul.set("web", [await instance("two")]);
    await becomes("/web/", "two");
  });

  it("tells of a service without healthy instances", async () => {
    await gateway.apply(web());
    const [problem] = await eventually(
      "it is told",
      () => {
        const found = gateway.consulProblems();
        return found.length > 0 ? found : undefined;
      },
      { timeoutMs: 30_000 },
    );
    expect(problem).toMatchObject({ code: "ServiceNotFound", object: { name: "m" } });
    consul.set("web", [await instance("one")]);
    await eventually("it is solved", () => gateway.consulProblems().length === 0);
  });
});
