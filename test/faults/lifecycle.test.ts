import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "../e2e/support/backend.ts";
import { send } from "../e2e/support/client.ts";
import { startWorld, type World } from "../e2e/support/cluster.ts";
import { type Gateway, isAlive } from "../e2e/support/gateway.ts";
import { type Load, startLoad } from "../e2e/support/load.ts";
import { cleartextHost, endpointSlice, listener, mapping, service } from "../e2e/support/manifests.ts";

let world: World;
let backend: Backend;
let load: Load | undefined;

const say = (line: string) => process.stderr.write(`faults: ${line}\n`);

/** A gateway with an AMBASSADOR_ID and a Listener of its own. */
interface Replica {
  readonly port: number;
  readonly gateway: Gateway;
}

async function replica(id: string, args: readonly string[] = []): Promise<Replica> {
  const port = await freePort();
  await world.apply(listener(id, port, { ambassador_id: [id] }));
  const gateway = await world.gateway({ env: { AMBASSADOR_ID: id }, args });
  await gateway.ready();
  await gateway.until("the route", async () => (await send(port, "/one/").catch(() => undefined))?.status === 200);
  return { port, gateway };
}

(clusterAvailable ? describe : describe.skip)("the end of a gateway", () => {
  beforeAll(async () => {
    world = await startWorld();
    backend = await startBackend("one");
    const ids = { ambassador_id: ["first", "second", "killed", "crashed"] };
    await world.apply(
      cleartextHost("any", "*", ids),
      ...[service("one", 80, { headless: true }), endpointSlice("one", backend)],
      mapping("one", { prefix: "/one/", service: "one", timeout_ms: 20_000, ...ids }),
    );
  }, 120_000);

  afterEach(() => load?.stop());

  afterAll(async () => {
    await world?.stop();
    await backend?.close();
  }, 30_000);

  it("by SIGTERM fails no request: load balancers move on, answers say close, what is in flight is finished", async () => {
    const [first, second] = [await replica("first", ["--drain-delay", "1"]), await replica("second")];
    // A load balancer: new connections go where /readyz says 200.
    let target = first.port;
    let isOver = false;
    const balancing = (async () => {
      while (!isOver) {
        const answer = await first.gateway.readyz();
        target = answer?.status === 200 ? first.port : second.port;
        await new Promise((done) => setTimeout(done, 50));
      }
    })();
    const running = startLoad({ port: () => target, paths: ["/one/"], kept: 6, fresh: 2 });
    load = running;
    await running.more(500);
    const slow = send(first.port, "/one/", { headers: { "x-answer-delay-ms": "4000" }, timeoutMs: 20_000 });
    await first.gateway.until("the slow request is with the backend", () => backend.waiting() === 1);
    const [envoy, controlPlane] = [first.gateway.pidOf("envoy"), first.gateway.pidOf("control-plane")];
    const startedMs = performance.now();
    first.gateway.child.kill("SIGTERM");
    await first.gateway.until("not ready", async () => (await first.gateway.readyz())?.status === 503);
    expect((await first.gateway.readyz())?.body).toMatch(/about to stop/);
    expect((await slow).status).toBe(200);
    expect(await first.gateway.exited).toBe(0);
    const tookMs = performance.now() - startedMs;
    await running.more(200);
    isOver = true;
    await balancing;
    const { sent, failures } = await running.stop();
    say(`SIGTERM: ${Math.round(tookMs)} ms until the gateway had left, ${sent} requests, ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect([envoy, controlPlane].map((pid) => isAlive(pid as number))).toEqual([false, false]);
    expect(first.gateway.log).toMatch(/info +supervisor: drained/);
  });

  it("by -9 leaves Envoy serving, until the next start of the same gateway ends it and serves on", async () => {
    const { gateway, port } = await replica("killed");
    const [envoy, controlPlane] = [gateway.pidOf("envoy") as number, gateway.pidOf("control-plane") as number];
    expect(await gateway.end("SIGKILL")).toBe("SIGKILL");
    await gateway.until("the control plane has left by itself", () => !isAlive(controlPlane));
    expect(isAlive(envoy)).toBe(true);
    expect((await send(port, "/one/")).status).toBe(200);
    const next = await world.gateway({
      adminPort: gateway.adminPort,
      dir: gateway.dir,
      env: { AMBASSADOR_ID: "killed" },
    });
    await next.logged(new RegExp(`warn .*ended what a killed gateway had left behind role=envoy pid=${envoy} `));
    await next.ready();
    expect(isAlive(envoy)).toBe(false);
    expect(next.pidOf("envoy")).not.toBe(envoy);
    await next.until("the route", async () => (await send(port, "/one/").catch(() => undefined))?.status === 200);
    expect(await next.end("SIGINT")).toBe(0);
  });

  // The negative control of every "loses no request" in these tests, too.
  it("in part, when Envoy is killed, loses requests until a new one has the whole configuration, a moment later", async () => {
    const { gateway, port } = await replica("crashed");
    const [envoy, controlPlane] = [gateway.pidOf("envoy") as number, gateway.pidOf("control-plane")];
    const running = startLoad({ port: () => port, paths: ["/one/"] });
    load = running;
    await running.more(200);
    expect(running.failures).toEqual([]);
    const killedMs = performance.now();
    process.kill(envoy, "SIGKILL");
    await gateway.until("a request fails", () => running.failures.length > 0);
    await gateway.until("the route", async () => (await send(port, "/one/").catch(() => undefined))?.status === 200);
    say(`Envoy killed: serving again after ${Math.round(performance.now() - killedMs)} ms`);
    const failed = running.failures.length;
    await running.more(200);
    const { failures } = await running.stop();
    expect(failures).toHaveLength(failed);
    expect(failures[0]).toMatch(/^(ECONNRESET|ECONNREFUSED)/);
    expect(gateway.pidOf("control-plane")).toBe(controlPlane);
    expect(await gateway.metric("nuncio_envoy_restarts")).toBe(1);
    await gateway.stop();
  });
});
