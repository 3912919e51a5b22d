/** Requests that fail while the configuration changes under them. */
import { setTimeout as sleep } from "node:timers/promises";
import { startChild } from "./child.ts";
import type { Form } from "./forms.ts";
import type { LoadMethods } from "./load.ts";
import { loadAverage } from "./machine.ts";
import { type Manifest, route } from "./objects.ts";
import { type Measured, probeOf } from "./propagation.ts";
import type { Scope } from "./session.ts";
import { rounded } from "./statistics.ts";

export interface ChangesRow {
  readonly form: Form;
  readonly mappings: number;
  readonly loadAverage: readonly number[];
  readonly changes: {
    readonly added: number;
    readonly changed: number;
    /** Of Mappings that are asked for meanwhile: to another backend, by a new cluster in place of the old one. */
    readonly moved: number;
    readonly deleted: number;
  };
  readonly seconds: number;
  /** Route tables that reached Envoy: changes that came together went together. */
  readonly routePushes: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const staying = 4;
const moving = 4;
/** So that most changes are a push of their own: those that come together go together. */
const betweenMs = 10;
/** Rounds that a passing Mapping lives. */
const lifetime = 10;
/** Clusters outlive their last route by a second; only then is it known that none went too early. */
const graceMs = 2500;

export async function measureChanges(
  scope: Scope,
  measured: Measured & { readonly otherBackendPort: number },
  changes: number,
): Promise<ChangesRow> {
  const { form, shape, mappings, kube, gateway, listenerPort, backendPort, otherBackendPort } = measured;
  const ports = [backendPort, otherBackendPort] as const;
  const stayingRoutes = Array.from({ length: staying }, (_, index) =>
    route(shape, { name: `staying-${index}`, prefix: `/staying-${index}/`, port: backendPort }),
  );
  const movingRoute = (index: number, generation: number): Manifest => {
    const port = ports[generation % 2] ?? backendPort;
    const name = `moving-${index}`;
    return route(shape, {
      name,
      prefix: `/${name}/`,
      port,
      tag: `generation-${generation}`,
      rewrite: `/${generation}/`,
    });
  };
  const movingRoutes = Array.from({ length: moving }, (_, index) => movingRoute(index, 0));
  await kube.createAll([...stayingRoutes, ...movingRoutes]);
  const paths = [...stayingRoutes, ...movingRoutes].map(({ spec }) => String(spec?.["prefix"]));
  const probe = probeOf(shape, listenerPort);
  scope.defer(() => probe.close());
  for (const each of paths) await probe.until(each, ({ status }) => status === 200);
  await gateway.settled(5000);

  const load = loadAverage();
  const pushesBefore = await gateway.metric("nuncio_xds_pushes_total", 'type="route"');
  const child = startChild<LoadMethods>(scope, "./load.ts");
  await child.call("start", {
    port: listenerPort,
    authority: "bench.example.com",
    paths,
    connections: 9,
    thinkMs: 1,
    anew: 1,
  });
  await sleep(300);
  const startedMs = performance.now();
  const counts = { added: 0, changed: 0, moved: 0, deleted: 0 };
  const passing = (index: number, rewrite: string) =>
    route(shape, {
      name: `passing-${index}`,
      prefix: `/passing-${index}/`,
      port: backendPort,
      tag: `passing-${index}`,
      rewrite,
    });
  // In each round one comes, one that is asked for moves, the one that came changes, one that came earlier goes.
  let round = 0;
  for (let done = 0; done < changes; round++) {
    const steps: readonly (readonly [keyof typeof counts, () => Promise<number>])[] = [
      ["added", () => kube.create(passing(round, "/a/"))],
      ["moved", () => kube.patch(movingRoute(round % moving, round + 1))],
      ["changed", () => kube.patch(passing(round, "/b/"))],
      ...(round < lifetime ? [] : [["deleted", () => kube.remove(passing(round - lifetime, "/b/"))] as const]),
    ];
    for (const [kind, write] of steps.slice(0, changes - done)) {
      await write();
      await sleep(betweenMs);
      counts[kind]++;
      done++;
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  await sleep(graceMs);
  const { requests, failures, p50Ms, p99Ms } = await child.call("stop", undefined);
  await child.stop();
  probe.close();
  const routePushes = (await gateway.metric("nuncio_xds_pushes_total", 'type="route"')) - pushesBefore;
  for (let index = counts.deleted; index < counts.added; index++) await kube.remove(passing(index, "/b/"));
  for (const object of [...stayingRoutes, ...movingRoutes]) await kube.remove(object);
  return {
    form,
    mappings,
    loadAverage: load,
    changes: counts,
    seconds: rounded(seconds),
    routePushes,
    requests,
    failedRequests: Object.values(failures).reduce((sum, count) => sum + count, 0),
    failures,
    p50Ms,
    p99Ms,
  };
}
