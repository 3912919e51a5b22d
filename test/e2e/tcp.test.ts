import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { hostAddress } from "../cluster/host-address.ts";
import { freePort } from "../cluster/loopback.ts";
import { connect, reached, type TcpBackend, tcpBackend } from "../support/tcp.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { ambassador, endpointSlice, service } from "./support/manifests.ts";

let world: World;
let gateway: Gateway;
let backends: readonly TcpBackend[];

(clusterAvailable ? describe : describe.skip)("a TCPMapping in a cluster", () => {
  beforeAll(async () => {
    const address = hostAddress();
    backends = await Promise.all([tcpBackend("one", { address }), tcpBackend("two", { address })]);
    world = await startWorld();
    gateway = await world.gateway();
    await gateway.ready();
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
    await Promise.all(backends.map((each) => each.close()));
  }, 30_000);

  it("is opened, changed without its open connections, and closed, as kubectl says", async () => {
    const port = await freePort();
    const leads = (to: string) =>
      gateway.until(`connections that lead to ${to}`, async () => (await reached({ port })).startsWith(to));
    for (const each of backends)
      await world.apply(service(each.name, 5432, { headless: true }), endpointSlice(each.name, each));
    const to = (name: string) =>
      ambassador("TCPMapping", "db", { port, service: `${name}:5432`, idle_timeout_ms: "60000" });
    await world.apply(to("one"));
    await leads("one");
    const session = await connect({ port });
    await world.apply(to("two"));
    await leads("two");
    expect(await session.ask("still here")).toBe("still here");
    session.socket.destroy();
    await world.remove(to("two"));
    await leads("none");
  });
});
