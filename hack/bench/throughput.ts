/** Requests per second through the gateway's Envoy beside a plain Envoy with the same routes written down, in turns. */
import { spawnSync } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { freePort } from "../../test/cluster/loopback.ts";
import type { BackendMethods } from "./backend.ts";
import { startChild } from "./child.ts";
import type { Form } from "./forms.ts";
import { startGateway } from "./gateway.ts";
import { cpuTime, hasProgram, loadAverage } from "./machine.ts";
import { fillers, frame, route, type Shape } from "./objects.ts";
import { startPlainEnvoy } from "./plain-envoy.ts";
import { createProbe } from "./probe.ts";
import { type Generator, loadGenerator, type RunOptions } from "./run-load.ts";
import type { Scope } from "./session.ts";
import { writeManifests } from "./start.ts";
import { median } from "./statistics.ts";

/** Medians of the turns. */
export interface Rate {
  readonly requestsPerSecond: number;
  /** Independent of who else has the CPU. */
  readonly requestsPerEnvoyCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one connection that sends one request after the other. */
  readonly oneConnectionP50Ms: number;
}

export interface ThroughputRow {
  readonly form: Form;
  readonly mappings: number;
  /** Asked for: the one that Envoy tries last. */
  readonly route: "last";
  readonly generator: Generator["name"];
  /** Envoy on one CPU, load and backend on another. */
  readonly pinned: boolean;
  readonly connections: number;
  readonly turns: number;
  readonly turnSeconds: number;
  readonly loadAverage: readonly number[];
  readonly nuncio: Rate;
  readonly plainEnvoy: Rate;
  /** Nuncio's to plain Envoy's. */
  readonly ratio: { readonly perSecond: number; readonly perEnvoyCpuSecond: number };
  /** The backend without any Envoy, one connection: the rest is Envoy's. */
  readonly directOneConnectionP50Ms: number;
  readonly failures: number;
}

export interface ThroughputOptions {
  readonly bundle: string;
  readonly directory: string;
  readonly mappings: number;
  readonly form: Form;
  readonly turns: number;
  readonly turnSeconds: number;
}

const connections = 32;
const authority = "bench.example.com";
const target = "/last/";
const loadCpu = 0;
const envoyCpu = 1;
const cleartext: Shape = { scheme: "cleartext", hosts: 1 };

interface Turn {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

interface Side {
  readonly envoy: number;
  readonly port: number;
  readonly turns: Turn[];
  readonly alone: number[];
}

export async function measureThroughput(scope: Scope, options: ThroughputOptions): Promise<ThroughputRow> {
  const { bundle, directory, mappings, form, turns, turnSeconds } = options;
  const load = loadAverage();
  const pinned = hasProgram("taskset") && os.cpus().length >= 2;
  const cpu = pinned ? loadCpu : undefined;
  const generator = loadGenerator();
  const backend = startChild<BackendMethods>(scope, "./backend.ts", { cpu });
  const backendPort = await backend.call("listen", "one");

  // Longer prefixes are tried first: every filler's is longer.
  const last = route(cleartext, { name: "last", prefix: target, port: backendPort });
  const manifests = async (port: number) => [
    ...(await frame(cleartext, port)),
    ...fillers(cleartext, 0, mappings - 1),
    last,
  ];
  const [port, plainPort] = [await freePort(), await freePort()];
  const config = path.join(directory, "manifests");
  writeManifests(config, await manifests(port));
  const gateway = await startGateway(scope, { bundle, directory, source: { config }, form });
  const plain = startPlainEnvoy(scope, { manifests: await manifests(plainPort), form, directory });
  const sides: readonly [Side, Side] = [
    { envoy: gateway.pids.envoy, port, turns: [], alone: [] },
    { envoy: plain, port: plainPort, turns: [], alone: [] },
  ];
  for (const side of sides) {
    if (pinned) pin(side.envoy, envoyCpu);
    const probe = createProbe({ port: side.port, authority });
    await probe.until(target, ({ status }) => status === 200);
    probe.close();
  }
  await gateway.settled(10_000);

  const turn = async (side: Pick<Side, "envoy" | "port">, seconds: number, many: number): Promise<Turn> => {
    const run: RunOptions = { port: side.port, path: target, authority, seconds, connections: many, cpu };
    const before = cpuTime(side.envoy).all;
    const result = await generator.run(scope, run);
    const cpuSeconds = (cpuTime(side.envoy).all - before) / 1000;
    const { requests, p50Ms, p99Ms, failures } = result;
    return { perSecond: requests / result.seconds, perCpuSecond: requests / cpuSeconds, p50Ms, p99Ms, failures };
  };
  const direct: number[] = [];
  for (const side of sides) await turn(side, 1, connections);
  for (let i = 0; i < turns; i++) {
    // A B, then B A: what drifts meets both alike.
    const order = i % 2 === 0 ? sides : sides.toReversed();
    for (const side of order) side.turns.push(await turn(side, turnSeconds, connections));
    for (const side of order) side.alone.push((await turn(side, 1, 1)).p50Ms);
    direct.push((await turn({ envoy: 0, port: backendPort }, 1, 1)).p50Ms);
  }
  const [nuncio, plainEnvoy] = [rate(sides[0]), rate(sides[1])];
  const ratio = (a: number, b: number) => Math.round((1000 * a) / b) / 1000;
  return {
    form,
    mappings,
    route: "last",
    generator: generator.name,
    pinned,
    connections,
    turns,
    turnSeconds,
    loadAverage: load,
    nuncio,
    plainEnvoy,
    ratio: {
      perSecond: ratio(nuncio.requestsPerSecond, plainEnvoy.requestsPerSecond),
      perEnvoyCpuSecond: ratio(nuncio.requestsPerEnvoyCpuSecond, plainEnvoy.requestsPerEnvoyCpuSecond),
    },
    directOneConnectionP50Ms: median(direct),
    failures: sides.flatMap((side) => side.turns).reduce((sum, { failures }) => sum + failures, 0),
  };
}

function rate({ turns, alone }: Side): Rate {
  const of = (field: keyof Turn) => median(turns.map((turn) => turn[field]));
  return {
    requestsPerSecond: Math.round(of("perSecond")),
    requestsPerEnvoyCpuSecond: Math.round(of("perCpuSecond")),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    oneConnectionP50Ms: median(alone),
  };
}

function pin(pid: number, cpu: number): void {
  spawnSync("taskset", ["-a", "-p", "-c", String(cpu), String(pid)], { stdio: "ignore" });
}
