import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "../e2e/support/backend.ts";
import { type Bulk, bulk } from "../e2e/support/bulk.ts";
import { send } from "../e2e/support/client.ts";
import { startWorld, type World } from "../e2e/support/cluster.ts";
import type { Gateway } from "../e2e/support/gateway.ts";
import { type Load, startLoad } from "../e2e/support/load.ts";
import {
  cleartextHost,
  endpointSlice,
  listener,
  mapping,
  type Manifest,
  service,
} from "../e2e/support/manifests.ts";

const mappings = 1_000;
const services = 50;
const kills = 20;

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

// Negative control of what follows: the same requests do fail where the order is wrong, see test/xds/swap.test.ts (naiveOrder),
// and where there is no gateway at all, see the first test here.
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
    const statuses = await Promise.all([0, 499, mappings - 1].map(async (each) => (await send(port, `/stay${each}/`)).status));
    expect(statuses).toEqual([200, 200, 200]);
  });

  it(`loses no request when the control plane is killed with -9 ${kills} times, and Envoy keeps its process`, async () => {
    const staying = startStayingLoad();
    const envoy = gateway.pidOf("envoy");
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
    expect(await gateway.metric("nuncio_control_plane_restarts")).toBe(kills);
    expect(await gateway.metric("nuncio_envoy_restarts")).toBe(0);
  }, 150_000);
});
