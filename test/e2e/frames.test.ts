import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { selfSigned } from "../support/certificates.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { type Bulk, bulk } from "./support/bulk.ts";
import { type Answer, send } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { endpointSlice, host, listener, mapping, type Manifest, service, tlsSecret } from "./support/manifests.ts";

const hosts = 100;
const mappingsPerHost = 10;

/** Longer than the xDS server's grace period, after which it removes what is not used any more. */
const quietMs = 1_500;

let world: World;
let gateway: Gateway;
let backend: Backend;
let writes: Bulk;
let port: number;

const hostname = (index: number) => `h${index}.test`;

/** Mapping `index` of host `of`, to the Service of that host: so there are clusters to tell apart. */
const mappingOf = (of: number, index: number, spec: Record<string, unknown> = {}): Manifest =>
  mapping(`m-${of}-${index}`, { hostname: hostname(of), prefix: `/p${index}/`, service: `s${of}`, ...spec });

function get(of: number, path: string): Promise<Answer> {
  return send(port, path, { host: hostname(of), tls: { servername: hostname(of) } });
}

function indexes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

// What goes over the ADS stream, as the control plane's debug log and its metrics tell it.
(clusterAvailable ? describe : describe.skip)(`with ${hosts * mappingsPerHost} Mappings on ${hosts} TLS hosts`, () => {
  beforeAll(async () => {
    world = await startWorld();
    writes = bulk(world.cluster);
    backend = await startBackend("one");
    port = await freePort();
    const certificates = await Promise.all(indexes(hosts).map((of) => selfSigned({ hosts: [hostname(of)] })));
    await writes.create([
      listener("https", port, { protocol: "HTTPS" }),
      ...certificates.map((certificate, of) => tlsSecret(`t${of}`, certificate)),
      ...indexes(hosts).map((of) => service(`s${of}`, 80, { headless: true })),
      ...indexes(hosts).map((of) => endpointSlice(`s${of}`, backend)),
      ...indexes(hosts).map((of) => host(`h${of}`, { hostname: hostname(of), tlsSecret: { name: `t${of}` } })),
      ...indexes(hosts).flatMap((of) => indexes(mappingsPerHost).map((index) => mappingOf(of, index))),
    ]);
    gateway = await world.gateway();
    await gateway.ready();
    await gateway.until("the last host", async () => (await get(hosts - 1, "/p9/")).status === 200);
  }, 180_000);

  afterAll(async () => {
    writes?.close();
    await world?.stop();
    await backend?.close();
  }, 30_000);

  it("sends one RouteConfiguration and nothing else for a changed route", async () => {
    const before = await pushes();
    const mark = gateway.mark();
    await world.apply(mappingOf(42, 3, { rewrite: "/changed/" }));
    await gateway.until("the change", async () => (await get(42, "/p3/")).echo().url === "/changed/");
    await sleep(quietMs);
    expect(gateway.sent(mark)).toEqual([{ type: "route", names: 1, removed: 0 }]);
    // The metrics say the same.
    expect(difference(before, await pushes())).toEqual({ route: 1 });
  });

  it("sends the routes of one host, and its cluster first, for a route to another Service", async () => {
    const mark = gateway.mark();
    await world.apply(service("extra", 80, { headless: true }), endpointSlice("extra", backend));
    await world.apply(mappingOf(43, 3, { service: "extra" }));
    await gateway.logged(/sent .*type=route/, mark);
    await sleep(quietMs);
    expect(gateway.sent(mark)).toEqual([
      { type: "cluster", names: 1, removed: 0 },
      { type: "endpoint", names: 1, removed: 0 },
      { type: "route", names: 1, removed: 0 },
    ]);
  });

  it("sends one secret and nothing else for a rotated certificate", async () => {
    const certificate = await selfSigned({ hosts: [hostname(7)] });
    const mark = gateway.mark();
    await world.apply(tlsSecret("t7", certificate));
    await gateway.until("the new certificate", async () => (await get(7, "/p1/")).serial === certificate.serial);
    await sleep(quietMs);
    expect(gateway.sent(mark)).toEqual([{ type: "secret", names: 1, removed: 0 }]);
  });

  it("sends nothing for what changes no configuration", async () => {
    const before = await gateway.metric("nuncio_compile_seconds_count");
    const mark = gateway.mark();
    await world.cluster.kubectl(["annotate", "mapping", "m-1-1", "note=nothing of ours"]);
    await gateway.until("a compile", async () => (await gateway.metric("nuncio_compile_seconds_count")) > before);
    await sleep(quietMs);
    expect(gateway.sent(mark)).toEqual([]);
  });

  it("sends nothing after the control plane was killed with -9 and came back, with Envoy alive", async () => {
    const envoy = gateway.pidOf("envoy");
    const mark = gateway.mark();
    process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
    await gateway.logged(/supervisor: control plane was killed by SIGKILL/, mark);
    await gateway.acknowledged(mark);
    await gateway.ready();
    await sleep(quietMs);
    expect(gateway.sent(mark)).toEqual([]);
    expect(await pushes()).toEqual({});
    expect(gateway.pidOf("envoy")).toBe(envoy);
    // It is in charge all the same.
    await world.apply(mappingOf(42, 3, { rewrite: "/again/" }));
    await gateway.until("the change", async () => (await get(42, "/p3/")).echo().url === "/again/");
    expect(gateway.sent(mark)).toEqual([{ type: "route", names: 1, removed: 0 }]);
  });

  it("sends what changed while the control plane was away, and nothing else", async () => {
    const mark = gateway.mark();
    const controlPlane = gateway.pidOf("control-plane") as number;
    // Stopped, so that the supervisor starts no other one meanwhile.
    process.kill(controlPlane, "SIGSTOP");
    await world.apply(mappingOf(11, 0, { rewrite: "/meanwhile/" }));
    await world.remove(mappingOf(12, 9));
    process.kill(controlPlane, "SIGKILL");
    await gateway.acknowledged(mark);
    await gateway.until("the change", async () => (await get(11, "/p0/")).echo().url === "/meanwhile/");
    expect((await get(12, "/p9/")).status).toBe(404);
    await sleep(quietMs);
    expect(gateway.sent(mark)).toEqual([{ type: "route", names: 2, removed: 0 }]);
  });
});

/** Responses by type, since the control plane started. */
async function pushes(): Promise<Readonly<Record<string, number>>> {
  const types = ["cluster", "endpoint", "listener", "route", "secret", "extension"];
  const counts = await Promise.all(
    types.map(async (type) => [type, await gateway.metric(`nuncio_xds_pushes_total{type="${type}"}`)] as const),
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function difference(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>) {
  const entries = Object.entries(after).map(([type, count]) => [type, count - (before[type] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}
