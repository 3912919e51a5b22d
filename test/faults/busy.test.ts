import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "../e2e/support/backend.ts";
import { type Bulk, bulk } from "../e2e/support/bulk.ts";
import { send } from "../e2e/support/client.ts";
import { startWorld, type World } from "../e2e/support/cluster.ts";
import type { Gateway } from "../e2e/support/gateway.ts";
import { type Load, startLoad } from "../e2e/support/load.ts";
import { cleartextHost, endpointSlice, listener, mapping, type Manifest, service } from "../e2e/support/manifests.ts";
import { seeded } from "../support/random.ts";

const mappings = 1_000;
const services = 50;
const kills = 8;

let world: World;
let gateway: Gateway;
let backend: Backend;
let writes: Bulk;
let port: number;
let load: Load | undefined;

const say = (line: string) => process.stderr.write(`faults: ${line}\n`);

function indexes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const routes = (name: string, prefix: string, spec: (index: number) => Record<string, unknown> = () => ({})) =>
  indexes(mappings).map((index) =>
    mapping(`${name}-${index}`, { prefix: `/${prefix}${index}/`, service: `s${index % services}`, ...spec(index) }),
  );

/** On routes of `routes("stay", "stay")`. */
function startStayingLoad(): Load {
  load = startLoad({ port: () => port, paths: indexes(40).map((index) => `/stay${index * 25}/`) });
  return load;
}

// That these requests can fail, and are counted when they do, is shown where Envoy is killed (lifecycle.test.ts) and where the order
// of make before break is wrong (naiveOrder, test/xds/swap.test.ts).
(clusterAvailable ? describe : describe.skip)(`under load, with ${mappings} Mappings`, () => {
  beforeAll(async () => {
    world = await startWorld();
    writes = bulk(world.cluster);
    backend = await startBackend("one");
    port = await freePort();
    await writes.create([
      listener("http", port),
      cleartextHost("any", "*"),
      ...indexes(services).flatMap((index): Manifest[] => [
        service(`s${index}`, 80, { headless: true }),
        endpointSlice(`s${index}`, backend),
      ]),
      ...routes("stay", "stay"),
    ]);
  }, 180_000);

  afterAll(async () => {
    await load?.stop();
    writes?.close();
    await world?.stop();
    await backend?.close();
  }, 30_000);

  it("is ready soon after its start, and says so only when every route is served", async () => {
    const startedMs = performance.now();
    gateway = await world.gateway();
    await gateway.ready({ everyMs: 5 });
    const readyMs = performance.now() - startedMs;
    say(`ready ${Math.round(readyMs)} ms after the start, with ${mappings} Mappings (target 3,000)`);
    const statuses = await Promise.all(
      [0, 499, mappings - 1].map(async (each) => (await send(port, `/stay${each}/`)).status),
    );
    expect(statuses).toEqual([200, 200, 200]);
  });

  it("loses no request and no change when the control plane is killed in the midst of changes", async () => {
    const seed = Date.now() % 100_000;
    const random = seeded(seed);
    const staying = startStayingLoad();
    const envoy = gateway.pidOf("envoy");
    const expected = new Map<number, string>();
    const rounds = 4;
    let lastKilled = 0;
    for (let round = 0; round < rounds; round++) {
      const some = indexes(30).map(() => random.integer(mappings));
      for (const index of some) expected.set(index, `/round${round}/`);
      const changes = routes("stay", "stay", (index) => ({
        service: `s${(index + round) % services}`,
        rewrite: expected.get(index),
      })).filter((_, index) => some.includes(index));
      const kill = async (): Promise<void> => {
        const pid = await gateway.until("a new control plane", () => {
          const running = gateway.pidOf("control-plane");
          return running === lastKilled ? undefined : running;
        });
        // In its start, or long after.
        await sleep(random.integer(1500));
        process.kill(pid, "SIGKILL");
        lastKilled = pid;
      };
      await Promise.all([writes.change(changes), kill()]);
    }
    await gateway.until(`all changes, with seed ${seed}`, async () => {
      for (const [index, url] of expected) {
        const answer = await send(port, `/stay${index}/`);
        if (answer.status !== 200 || answer.echo().url !== url) return false;
      }
      return true;
    });
    await gateway.ready();
    const { sent, failures } = await staying.stop();
    say(
      `${expected.size} Mappings changed while the control plane was killed ${rounds} times (seed ${seed}): ` +
        `${sent} requests, ${failures.length} failed`,
    );
    expect(failures).toEqual([]);
    expect(gateway.pidOf("envoy")).toBe(envoy);
  }, 120_000);

  it(`loses no request when the control plane is killed with -9 ${kills} times, and Envoy keeps its process`, async () => {
    const staying = startStayingLoad();
    const envoy = gateway.pidOf("envoy");
    const restarts = await gateway.metric("nuncio_control_plane_restarts");
    const backMs: number[] = [];
    const startedMs = performance.now();
    for (let kill = 1; kill <= kills; kill++) {
      const mark = gateway.mark();
      const killedMs = performance.now();
      process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
      await gateway.logged(/supervisor: the control plane is ready/, mark);
      backMs.push(Math.round(performance.now() - killedMs));
      expect(gateway.sent(mark)).toEqual([]);
    }
    const tookMs = performance.now() - startedMs;
    await staying.more(500);
    const { sent, failures, longestMs } = await staying.stop();
    say(`${kills} kills in ${Math.round(tookMs / 1000)} s, back after ${backMs.join(", ")} ms`);
    say(`${sent} requests meanwhile, ${failures.length} failed, the slowest took ${longestMs} ms`);
    expect(failures).toEqual([]);
    expect(gateway.pidOf("envoy")).toBe(envoy);
    expect(await gateway.metric("nuncio_control_plane_restarts")).toBe(restarts + kills);
    expect(await gateway.metric("nuncio_envoy_restarts")).toBe(0);
  }, 150_000);

  it("loses no request while as many Mappings again are created, changed and deleted at once", async () => {
    const staying = startStayingLoad();
    const made = routes("extra", "extra");
    const last = `/extra${mappings - 1}/`;
    const statusOf = async (path: string) => (await send(port, path)).status;
    const timed = async (what: string, write: () => Promise<void>, isLive: () => Promise<boolean>): Promise<void> => {
      const startedMs = performance.now();
      await write();
      const writtenMs = performance.now();
      await gateway.until(what, isLive);
      const liveMs = performance.now() - writtenMs;
      say(
        `${mappings} Mappings ${what} in ${Math.round(writtenMs - startedMs)} ms, the last live ${Math.round(liveMs)} ms later`,
      );
    };
    await timed(
      "created",
      () => writes.create(made),
      async () => (await statusOf(last)) === 200,
    );
    // To another Service each: clusters come and go under requests.
    const changed = routes("stay", "stay", (index) => ({
      service: `s${(index + 7) % services}`,
      rewrite: "/changed/",
    }));
    await timed(
      "changed",
      () => writes.change(changed),
      async () => {
        const echoes = await Promise.all(
          changed.slice(-20).map((_, index) => send(port, `/stay${mappings - 20 + index}/`)),
        );
        return echoes.every((answer) => answer.echo().url === "/changed/");
      },
    );
    await timed(
      "deleted",
      () => writes.remove(made),
      async () => (await statusOf(last)) === 404,
    );
    await staying.more(500);
    const { sent, failures, longestMs } = await staying.stop();
    say(`${sent} requests meanwhile, ${failures.length} failed, the slowest took ${longestMs} ms`);
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(1000);
  });

  // The last one: what the others send requests to is gone after it.
  it("loses no request while every Service gets other addresses, one after the other", async () => {
    const staying = startStayingLoad();
    const second = await startBackend("two");
    const envoyBusy = gateway.mark();
    for (const index of indexes(services)) {
      const other = endpointSlice(`s${index}`, second, { name: `s${index}-2` });
      await writes.create([other]);
      await staying.more(10);
    }
    await gateway.until("requests at the second", () => second.count() > 0);
    for (const index of indexes(services)) await writes.remove([endpointSlice(`s${index}`, backend)]);
    await gateway.until("no more requests at the first", async () => {
      backend.reset();
      await staying.more(100);
      return backend.count() === 0;
    });
    const { sent, failures } = await staying.stop();
    say(`${sent} requests during ${services} rollouts, ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect(new Set(gateway.sent(envoyBusy).map(({ type }) => type))).toEqual(new Set(["endpoint"]));
    await second.close();
  });
});
