import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Problem } from "../../ir/problem.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { listenerOf, moduleOf, serviceWith, tcpMappingOf } from "../support/manifests.ts";
import { connect, reached, type TcpBackend, tcpBackend } from "../support/tcp.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let one: TcpBackend;
let two: TcpBackend;
let port: number;

beforeAll(async () => {
  [gateway, one, two, port] = await Promise.all([startGateway(), tcpBackend("one"), tcpBackend("two"), freePort()]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), one.close(), two.close()]);
});

const toOne = (spec: Spec = {}, name = "one") => tcpMappingOf(name, { port, service: one.service, ...spec });
const toTwo = (spec: Spec = {}, name = "two") => tcpMappingOf(name, { port, service: two.service, ...spec });
const listener = (spec: Spec) =>
  listenerOf("tcp", { port, securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } }, ...spec });

/** Envoy's workers open a port a moment after they were told to. */
const leads = (to: string, at = port, address = "127.0.0.1") =>
  eventually(`connections lead to ${to}`, async () => (await reached({ port: at, address })).startsWith(to));

const view = (problems: readonly Problem[]) =>
  problems.map(({ severity, code, object, path }) => [severity, code, object.name, path.join(".")]);

describe("a TCPMapping", () => {
  // shows: TCPMapping.port TCPMapping.service TCPMapping.ambassador_id
  it("opens its port where no Listener has it, and gets both directions of every connection", async () => {
    expect(await gateway.apply(toOne({ ambassador_id: ["default"] }))).toEqual([]);
    await leads("one");
    const session = await connect({ port });
    expect(await session.ask("hello")).toBe("hello");
    session.socket.destroy();
    expect(await gateway.apply(toOne({ ambassador_id: ["other"] }))).toEqual([]);
    await leads("none");
  });

  // shows: Listener.protocol
  it.each([{ protocol: "TCP" }, { protocolStack: ["TCP"] }])("is served by a Listener with %j", async (spec) => {
    expect(await gateway.apply(listener({ ...spec, statsPrefix: "mine" }) + toOne())).toEqual([]);
    await leads("one");
    await eventually("it is counted", async () => (await gateway.envoy.stat("tcp.mine.downstream_cx_total")) > 0);
  });

  // shows: TCPMapping.address
  it("listens on its address alone", async () => {
    expect(await gateway.apply(toOne() + toTwo({ address: "127.0.0.2" }))).toEqual([]);
    await leads("one");
    await leads("two", port, "127.0.0.2");
    expect(await gateway.apply(toTwo({ address: "127.0.0.2" }))).toEqual([]);
    await leads("none");
    await leads("two", port, "127.0.0.2");
    // The gateway's own, in another spelling.
    expect(await gateway.apply(listener({ protocol: "TCP" }) + toOne({ address: "127.0.0.1" }))).toEqual([]);
    await leads("one");
  });

  // shows: TCPMapping.idle_timeout_ms
  it.each(["200", 200])("closes connections without traffic after idle_timeout_ms: %j", async (timeout) => {
    const other = await freePort();
    await gateway.apply(toOne({ idle_timeout_ms: timeout }) + toTwo({ port: other }));
    await leads("one");
    await leads("two", other);
    const [idle, patient] = await Promise.all([connect({ port }), connect({ port: other })]);
    await idle.closed;
    expect(await patient.ask("still there?")).toBe("still there?");
    patient.socket.destroy();
  });

  // shows: TCPMapping.circuit_breakers
  it("keeps to its circuit breakers, or the Module's", async () => {
    const breakers = { circuit_breakers: [{ max_connections: 1 }] };
    for (const manifests of [toOne(breakers), moduleOf(breakers) + toOne()]) {
      expect(await gateway.apply(manifests)).toEqual([]);
      await leads("one");
      await eventually("no connection is left", () => one.sockets.size === 0);
      const first = await connect({ port });
      expect(await reached({ port })).toMatch(/^none/);
      expect(await first.ask("mine")).toBe("mine");
      first.socket.destroy();
    }
  });

  // shows: TCPMapping.stats_name TCPMapping.cluster_tag
  it("has its stats_name, and a cluster of its own by cluster_tag", async () => {
    const other = await freePort();
    const apart = { port: other, cluster_tag: "blue", stats_name: "apart" };
    expect(await gateway.apply(toOne({ stats_name: "mine" }) + toOne(apart, "apart"))).toEqual([]);
    await leads("one");
    await leads("one", other);
    const connections = (name: string) => gateway.envoy.stat(`cluster.${name}.upstream_cx_total`);
    expect(await connections("mine")).toBeGreaterThan(0);
    expect(await connections("apart")).toBeGreaterThan(0);
    const { body } = await gateway.envoy.admin("/clusters?format=json");
    const { cluster_statuses: clusters } = JSON.parse(body) as { cluster_statuses: { name: string }[] };
    expect(clusters.filter(({ name }) => name.startsWith(`blue/${one.service}/`))).toHaveLength(1);
  });

  it("does not take stats_name of the Module's httpmapping", async () => {
    const defaults = { stats_name: "general", httpmapping: { stats_name: "of_http" } };
    await gateway.apply(moduleOf({ defaults }) + toTwo());
    await leads("two");
    expect(await gateway.envoy.stat("cluster.general.upstream_cx_total")).toBeGreaterThan(0);
    expect(await gateway.envoy.stat("cluster.of_http.upstream_cx_total")).toBe(0);
  });

  // shows: TCPMapping.enable_ipv4 TCPMapping.enable_ipv6
  it("uses addresses of the families that are enabled", async () => {
    const six = await tcpBackend("six", { address: "::1" });
    const service = `localhost:${six.port}`;
    expect(await gateway.apply(toOne({ service, enable_ipv4: false, enable_ipv6: true }))).toEqual([]);
    await leads("six");
    expect(await gateway.apply(toOne({ service, enable_ipv4: true }))).toEqual([]);
    await leads("none");
    expect(view(await gateway.apply(toOne({ service, enable_ipv4: false })))).toEqual([
      ["error", "InvalidField", "one", "spec.enable_ipv4"],
    ]);
    await six.close();
  });

  // shows: TCPMapping.resolver
  it("finds the endpoints of a Service by its resolver", async () => {
    const service = serviceWith("db", one.port, ["127.0.0.1"]);
    expect(await gateway.apply(service + toOne({ service: `db:${one.port}`, resolver: "endpoint" }))).toEqual([]);
    await leads("one");
    expect(view(await gateway.apply(service + toOne({ service: `db:${one.port}`, resolver: "nowhere" })))).toEqual([
      ["error", "ResolverNotFound", "one", "spec.resolver"],
    ]);
    // Its last good version serves on.
    await leads("one");
  });
});

describe("weights of TCPMappings", () => {
  const CONNECTIONS = 1000;

  /** How many of 1,000 connections lead where. */
  async function count(): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (let left = CONNECTIONS; left > 0; left -= 20) {
      const names = await Promise.all(Array.from({ length: 20 }, () => reached({ port })));
      for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  /** Six standard deviations: once in 500 million runs. */
  const margin = (share: number) => 6 * Math.sqrt(CONNECTIONS * share * (1 - share));

  // shows: TCPMapping.weight
  it.each([
    { weights: [50, 50], share: 0.5 },
    { weights: [20, undefined], share: 0.2 },
    { weights: [undefined, undefined], share: 0.5 },
    { weights: [100, undefined], share: 1 },
    { weights: [0, 30], share: 0 },
    // Below 100 without one to take the rest: each in proportion.
    { weights: [10, 40], share: 0.2 },
  ])("of $weights give the first $share of the connections", async ({ weights: [first, second], share }) => {
    const spec = (weight: number | undefined) => (weight === undefined ? {} : { weight });
    expect(await gateway.apply(toOne(spec(first)) + toTwo(spec(second)))).toEqual([]);
    await eventually("both were reached, or all that there is", async () => {
      const { one: a = 0, two: b = 0 } = await count();
      return a + b === CONNECTIONS && Math.abs(a - share * CONNECTIONS) <= margin(share);
    });
  });

  it("of 0 let a TCPMapping that is alone take everything, and refuse connections where all have it", async () => {
    expect(await gateway.apply(toOne({ weight: 0 }))).toEqual([]);
    await leads("one");
    expect(view(await gateway.apply(toOne({ weight: 0 }) + toTwo({ weight: 0 })))).toEqual([
      ["warning", "WeightSum", "one", "spec.weight"],
      ["warning", "WeightSum", "two", "spec.weight"],
    ]);
    await leads("none");
  });

  it("over 100 leave out those that come later", async () => {
    expect(view(await gateway.apply(toOne({ weight: 60 }) + toTwo({ weight: 60 })))).toEqual([
      ["error", "WeightSum", "two", "spec.weight"],
    ]);
    await leads("one");
    expect(await count()).toEqual({ one: CONNECTIONS });
  });
});

describe("a Listener for TCP", () => {
  it("reads the PROXY header where its stack says so", async () => {
    expect(await gateway.apply(listener({ protocolStack: ["PROXY", "TCP"] }) + toOne())).toEqual([]);
    const head = "PROXY TCP4 203.0.113.7 203.0.113.8 4711 443\r\n";
    await eventually("it is read", async () => (await reached({ port, head })) === "one");
    const session = await connect({ port, head });
    expect(await session.ask("the first line")).toBe("the first line");
    session.socket.destroy();
    expect(await reached({ port, head: "GET / HTTP/1.1\r\n\r\n" })).toMatch(/^none/);
  });

  it("is told that it serves nothing", async () => {
    expect(view(await gateway.apply(listener({ protocol: "TCP" })))).toEqual([["warning", "NoHost", "tcp", "spec"]]);
  });
});
