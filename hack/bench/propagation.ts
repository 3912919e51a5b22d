/** How long a change takes from the API server's answer to the first request through Envoy that shows it. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "./child.ts";
import { startChild } from "./child.ts";
import type { ChangeTimes, FloorMethods } from "./floor.ts";
import type { Form } from "./forms.ts";
import type { Gateway } from "./gateway.ts";
import type { KubeClient } from "./kube-client.ts";
import { cpuTime, loadAverage } from "./machine.ts";
import { fillers, firstHostname, route, type Shape } from "./objects.ts";
import { createProbe, type Probe } from "./probe.ts";
import type { Scope } from "./session.ts";
import { type Distribution, distribution, median, rounded } from "./statistics.ts";

const kinds = ["added", "changed", "deleted"] as const;
type ChangeKind = (typeof kinds)[number];
type PerKind<T> = Readonly<Record<ChangeKind, T>>;

export interface PropagationRow {
  /** How Envoy holds the routes of a virtual host. */
  readonly form: Form;
  readonly scheme: Shape["scheme"];
  readonly hosts: number;
  readonly mappings: number;
  readonly loadAverage: readonly number[];
  /** Milliseconds from the API server's answer. */
  readonly live: PerKind<Distribution>;
  /** Milliseconds that the API server took to answer: not in `live`. */
  readonly write: PerKind<Distribution>;
  /** Milliseconds of the same change in a second Envoy, compiled before, without Kubernetes. */
  readonly floor: PerKind<Distribution>;
  /** Of the medians of `live` and `floor`. */
  readonly ratio: PerKind<number>;
  /** Milliseconds of CPU per change, median: Envoy's thread for configuration, and all of the control plane. */
  readonly envoyCpuMs: PerKind<number>;
  readonly controlPlaneCpuMs: PerKind<number>;
}

export interface BurstRow {
  readonly form: Form;
  readonly scheme: Shape["scheme"];
  readonly mappingsBefore: number;
  readonly created: number;
  readonly loadAverage: readonly number[];
  /** How long the API server took to take them. */
  readonly writeMs: number;
  /** From its last answer until the last route answers. */
  readonly lastLiveMs: number;
}

export interface Measured {
  readonly form: Form;
  readonly shape: Shape;
  readonly mappings: number;
  readonly kube: KubeClient;
  readonly gateway: Gateway;
  readonly listenerPort: number;
  readonly backendPort: number;
}

export function probeOf(shape: Shape, port: number): Probe {
  const host = firstHostname(shape);
  return createProbe(
    shape.scheme === "tls" ? { port, authority: host, serverName: host } : { port, authority: "bench.example.com" },
  );
}

interface Sample {
  readonly live: number;
  readonly write: number;
  readonly envoyCpu: number;
  readonly controlPlaneCpu: number;
}

/** The status of 10,000 Mappings is written at 50 a second. What a change costs while that goes on is another question. */
const STATUS_MS = 300_000;

/** Long enough that a change does not meet what the one before left to do; uneven, so that it beats with nothing. */
const pauseMs = () => 150 + 100 * Math.random();

export async function measurePropagation(
  scope: Scope,
  measured: Measured,
  { repetitions, directory }: { readonly repetitions: number; readonly directory: string },
): Promise<PropagationRow> {
  const { form, shape, mappings, gateway, listenerPort, backendPort } = measured;
  const floor = startChild<FloorMethods>(scope, "./floor.ts");
  await floor.call("start", { shape, mappings, form, backendPort, directory: path.join(directory, `f${floor.pid}`) });
  const probe = probeOf(shape, listenerPort);
  scope.defer(() => probe.close());
  await gateway.settled(STATUS_MS);
  const load = loadAverage();
  const samples: Record<ChangeKind, Sample[]> = { added: [], changed: [], deleted: [] };
  const floors: Record<ChangeKind, number[]> = { added: [], changed: [], deleted: [] };
  // The first one is not counted: code that runs for the first time, on both sides.
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const times = await changeOnce(measured, probe, repetition);
    const below = await floorOnce(floor);
    if (repetition === 0) continue;
    for (const kind of kinds) {
      samples[kind].push(times[kind]);
      floors[kind].push(below[kind]);
    }
  }
  probe.close();
  await floor.stop();
  const perKind = <T>(make: (kind: ChangeKind) => T): PerKind<T> => ({
    added: make("added"),
    changed: make("changed"),
    deleted: make("deleted"),
  });
  const of = (field: keyof Sample) => (kind: ChangeKind) => samples[kind].map((sample) => sample[field]);
  return {
    form,
    scheme: shape.scheme,
    hosts: shape.hosts,
    mappings,
    loadAverage: load,
    live: perKind((kind) => distribution(of("live")(kind))),
    write: perKind((kind) => distribution(of("write")(kind))),
    floor: perKind((kind) => distribution(floors[kind])),
    ratio: perKind((kind) => Math.round((100 * median(of("live")(kind))) / median(floors[kind])) / 100),
    envoyCpuMs: perKind((kind) => median(of("envoyCpu")(kind))),
    controlPlaneCpuMs: perKind((kind) => median(of("controlPlaneCpu")(kind))),
  };
}

async function changeOnce(
  { shape, kube, gateway, backendPort }: Measured,
  probe: Probe,
  repetition: number,
): Promise<PerKind<Sample>> {
  // Of its own each time: neither its name nor its cluster was ever there.
  const name = `measured-${repetition}`;
  const prefix = `/${name}/`;
  const object = (rewrite: string) =>
    route(shape, { name, prefix, port: backendPort, rewrite, tag: `measured-${repetition}` });
  const sample = async (kind: ChangeKind, write: () => Promise<number>): Promise<Sample> => {
    await sleep(pauseMs());
    const { envoy, controlPlane } = gateway.pids;
    const before = { envoy: cpuTime(envoy).main, controlPlane: cpuTime(controlPlane).all };
    const shown = probe.until(prefix, ({ status, body }) =>
      kind === "deleted" ? status === 404 : status === 200 && body.endsWith(kind === "added" ? "/a/" : "/b/"),
    );
    const writtenMs = performance.now();
    const answeredMs = await write();
    const liveMs = await shown;
    // What a change leaves to do belongs to it: acknowledgements, garbage.
    await sleep(50);
    return {
      live: liveMs - answeredMs,
      write: answeredMs - writtenMs,
      envoyCpu: cpuTime(envoy).main - before.envoy,
      controlPlaneCpu: cpuTime(controlPlane).all - before.controlPlane,
    };
  };
  return {
    added: await sample("added", () => kube.create(object("/a/"))),
    changed: await sample("changed", () => kube.patch(object("/b/"))),
    deleted: await sample("deleted", () => kube.remove(object("/b/"))),
  };
}

async function floorOnce(floor: Child<FloorMethods>): Promise<ChangeTimes> {
  const times: Record<ChangeKind, number> = { added: 0, changed: 0, deleted: 0 };
  for (const kind of kinds) {
    await sleep(pauseMs());
    times[kind] = await floor.call("change", kind);
  }
  return times;
}

/** Creates many at once, and looks when the last one answers. */
export async function measureBurst(
  { form, shape, mappings, kube, listenerPort, backendPort }: Measured,
  created: number,
): Promise<BurstRow> {
  const probe = probeOf(shape, listenerPort);
  const load = loadAverage();
  const last = route(shape, { name: "burst-last", prefix: "/burst-last/", port: backendPort, tag: "burst-last" });
  const startedMs = performance.now();
  await kube.createAll(fillers(shape, mappings, mappings + created));
  const shown = probe.until("/burst-last/", ({ status }) => status === 200);
  const answeredMs = await kube.create(last);
  const lastLiveMs = (await shown) - answeredMs;
  probe.close();
  await kube.remove(last);
  return {
    form,
    scheme: shape.scheme,
    mappingsBefore: mappings,
    created: created + 1,
    loadAverage: load,
    writeMs: rounded(answeredMs - startedMs),
    lastLiveMs: rounded(lastLiveMs),
  };
}
