import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { listenerOf, serviceWith, tcpMappingOf } from "../support/manifests.ts";
import { connect, reached, type TcpBackend, tcpBackend } from "../support/tcp.ts";

let gateway: Gateway;
let one: TcpBackend;
let two: TcpBackend;
let port: number;

beforeAll(async () => {
  [gateway, one, two, port] = await Promise.all([
    startGateway({ drainTimeSeconds: 600 }),
    tcpBackend("one"),
    tcpBackend("two"),
    freePort(),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), one.close(), two.close()]);
});

const to = (service: string, more: Readonly<Record<string, unknown>> = {}) =>
  tcpMappingOf("m", { port, service, ...more });

const clusters = async (): Promise<readonly string[]> => {
  const { body } = await gateway.envoy.admin("/clusters?format=json");
  const { cluster_statuses: all = [] } = JSON.parse(body) as { cluster_statuses?: { name: string }[] };
  return all.map(({ name }) => name);
};

/** Where connections led that were made one after the other, by four clients at once, while `change` did its work. */
async function meanwhile(change: (made: () => number) => Promise<void>): Promise<readonly string[]> {
  const seen: string[] = [];
  let stop = false;
  const client = async () => {
    while (!stop) seen.push(await reached({ port }));
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  await change(() => seen.length);
  stop = true;
  await clients;
  return [...new Set(seen)].sort();
}

describe("a TCPMapping that changes", () => {
  it("loses no new connection while its cluster is another with every change", async () => {
    // By EDS, so that a cluster has to warm before connections may be led to it.
    const services = serviceWith("one", one.port, ["127.0.0.1"]) + serviceWith("two", two.port, ["127.0.0.1"]);
    await gateway.apply(services + to(`one:${one.port}`));
    await eventually("connections lead to one", async () => (await reached({ port })) === "one");
    const seen = await meanwhile(async () => {
      for (let change = 1; change <= 40; change++) {
        const target = change % 2 === 0 ? `one:${one.port}` : `two:${two.port}`;
        // A name of its own each time: the cluster of the change before is never the one of the next.
        await gateway.apply(services + to(target, { cluster_tag: `c${change}` }));
      }
    });
    expect(seen).toEqual(["one", "two"]);
  });

  it("loses no new connection while a Listener comes for its port, and goes", async () => {
    const hostBinding = { namespace: { from: "ALL" } };
    const listener = listenerOf("tcp", { port, protocol: "TCP", securityModel: "XFP", hostBinding });
    await gateway.apply(to(one.service));
    await eventually("connections lead to one", async () => (await reached({ port })) === "one");
    const seen = await meanwhile(async (made) => {
      for (let change = 1; change <= 10; change++) {
        await gateway.apply(to(one.service) + (change % 2 === 0 ? "" : listener));
        const before = made();
        await eventually("connections are made", () => made() > before + 20);
      }
    });
    expect(seen).toEqual(["one"]);
  });

  it.each(["by its address", "by EDS"])("keeps its connections, even when their cluster is gone: %s", async (how) => {
    const services = serviceWith("one", one.port, ["127.0.0.1"]);
    const before = how === "by EDS" ? `one:${one.port}` : one.service;
    await gateway.apply(services + to(before));
    await eventually("connections lead to one", async () => (await reached({ port })) === "one");
    const session = await connect({ port });
    await gateway.apply(to(two.service));
    await eventually("new connections lead to two", async () => (await reached({ port })) === "two");
    expect(await session.ask("still one")).toBe("still one");
    await eventually("the cluster is gone", async () => !(await clusters()).some((name) => name.startsWith(before)));
    expect(await session.ask("even so")).toBe("even so");
    session.socket.destroy();
  });
});

describe("a TCPMapping that goes", () => {
  it("closes its port, and its connections end with the drain time", async () => {
    const brief = await startGateway({ drainTimeSeconds: 1 });
    const at = await freePort();
    await brief.apply(tcpMappingOf("m", { port: at, service: one.service }));
    await eventually("connections lead to one", async () => (await reached({ port: at })) === "one");
    const session = await connect({ port: at });
    await brief.apply("");
    await session.closed;
    expect(await reached({ port: at })).toMatch(/^none/);
    await brief.stop();
  });
});
