import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import net from "node:net";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "../e2e/support/backend.ts";
import { send } from "../e2e/support/client.ts";
import { startWorld, type World } from "../e2e/support/cluster.ts";
import { cleartextHost, endpointSlice, listener, mapping, service } from "../e2e/support/manifests.ts";

let world: World;
let backend: Backend;

/** Status, or the error's code. */
async function answerOn(port: number): Promise<number | string> {
  return await send(port, "/one/").then(
    ({ status }) => status,
    (error: NodeJS.ErrnoException) => error.code ?? String(error),
  );
}

(clusterAvailable ? describe : describe.skip)("a port that another process holds", () => {
  beforeAll(async () => {
    world = await startWorld();
    backend = await startBackend("one");
    await world.apply(
      cleartextHost("any", "*", { ambassador_id: ["plain", "first", "second"] }),
      ...[service("one", 80, { headless: true }), endpointSlice("one", backend)],
      mapping("one", { prefix: "/one/", service: "one", ambassador_id: ["plain", "first", "second"] }),
    );
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
    await backend?.close();
  }, 30_000);

  it("is an error of its Listener; the others are served, and it is opened as soon as the port is free", async () => {
    const [free, taken] = [await freePort(), await freePort()];
    const holder = net.createServer((socket) => socket.destroy()).listen(taken, "127.0.0.1");
    await once(holder, "listening");
    const id = { ambassador_id: ["plain"] };
    await world.apply(listener("free", free, id), listener("taken", taken, id));
    const gateway = await world.gateway({ env: { AMBASSADOR_ID: "plain" } });
    await gateway.ready();
    await gateway.logged(
      new RegExp(`error .*Listener default/taken: spec\\.port: ${taken} is held by another process`),
    );
    expect(await answerOn(free)).toBe(200);
    // A control plane that starts anew does not take Envoy's own ports for somebody else's.
    const mark = gateway.mark();
    process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
    await gateway.acknowledged(mark);
    await gateway.logged(/Listener default\/taken.* is held by another process/, mark);
    expect(gateway.since(mark)).not.toMatch(/Listener default\/free/);
    expect(await answerOn(free)).toBe(200);
    holder.close();
    await once(holder, "close");
    await gateway.until("the Listener is open", async () => (await answerOn(taken)) === 200);
    await gateway.logged(/info +config: all problems are solved/, mark);
    await gateway.stop();
  });

  // Both Envoys would get it, by SO_REUSEPORT, and each about half of the connections.
  it("is not shared with another gateway: the second one waits until the first has left", async () => {
    const port = await freePort();
    await world.apply(listener("shared", port, { ambassador_id: ["first", "second"] }));
    const first = await world.gateway({ env: { AMBASSADOR_ID: "first" } });
    await first.ready();
    const second = await world.gateway({ env: { AMBASSADOR_ID: "second" } });
    await second.ready();
    await second.logged(new RegExp(`error .*Listener default/shared: spec\\.port: ${port} is held by another process`));
    for (let each = 0; each < 50; each++) expect(await answerOn(port)).toBe(200);
    const requests = async (gateway: typeof first) =>
      Number(/http\.ingress_http\.downstream_rq_total: (\d+)/.exec(await gateway.envoyAdmin("/stats"))?.[1] ?? 0);
    expect([await requests(first), await requests(second)]).toEqual([50, 0]);
    await first.stop();
    await second.until("the second serves", async () => (await answerOn(port)) === 200);
    await second.stop();
  });
});
