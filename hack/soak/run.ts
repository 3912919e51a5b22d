import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../test/cluster/loopback.ts";
import { type Gateway, startGateway } from "../bench/gateway.ts";
import { cpuTime } from "../bench/machine.ts";
import { Scope } from "../bench/session.ts";
import { manifestDirectory } from "./directory.ts";
import { type Leaking, leaking } from "./leak.ts";
import type { Options } from "./options.ts";
import type { Place } from "./place.ts";
import { isSettled, type Sample, samplerOf } from "./sample.ts";
import { passing, type StepContext, steps } from "./steps.ts";
import type { Outcome } from "./verdict.ts";
import { baseTargets, makeWorld, type World } from "./world.ts";

export interface RunOptions extends Pick<Options, "cluster" | "minutes" | "cycles" | "cycleMs" | "leak"> {
  readonly bundle: string;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Ran {
  readonly outcome: Outcome;
  readonly cycles: number;
  /** Of manifests; several objects can change at once. */
  readonly changes: number;
  readonly minutes: number;
  /** Of a core, on average. */
  readonly cores: { readonly gateway: number; readonly harness: number };
}

/** Long enough that connections are told to leave, short enough that listeners are gone at the end of a cycle. */
const drainSeconds = 2;
const settledWithinMs = 30_000;
/** What has stayed so long does not go. */
const staysMs = 5000;

/** A gateway under requests and changes, until the time is over. Whatever it started has ended when it resolves. */
export async function run(options: RunOptions): Promise<Ran> {
  const scope = new Scope();
  try {
    return await new Soak(scope, options).run();
  } finally {
    await scope.close();
  }
}

class Soak {
  readonly #scope: Scope;
  readonly #options: RunOptions;
  readonly #samples: Sample[] = [];
  readonly #failures: string[] = [];

  constructor(scope: Scope, options: RunOptions) {
    this.#scope = scope;
    this.#options = options;
  }

  async run(): Promise<Ran> {
    const { bundle, cycles, minutes, signal, say } = this.#options;
    const base = fs.mkdtempSync(path.join(os.tmpdir().length <= 20 ? os.tmpdir() : "/tmp", "soak-"));
    this.#scope.defer(() => fs.rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
    const place = await this.#makePlace(base);
    const world = await makeWorld(this.#scope, place);
    const authorization = await this.#startAuthorization();
    const gateway = await startGateway(this.#scope, {
      bundle,
      directory: base,
      source: place.source,
      form: "list",
      env: { AMBASSADOR_DRAIN_TIME: String(drainSeconds) },
    });
    for (const target of baseTargets(world)) await world.traffic.call("start", target);
    const leak = leaking(this.#options.leak, world);
    this.#scope.defer(() => leak.close());
    say(`a gateway serves ${Object.values(place.source).join()}; its log is ${gateway.logFile}`);

    const quarantined = () => gateway.metric("nuncio_quarantined_objects");
    const startedMs = performance.now();
    const cpuBefore = cpuOf(gateway, world);
    const endsAtMs = startedMs + minutes * 60_000;
    const sample = samplerOf(gateway);
    let cycle = 0;
    for (; cycle < cycles && performance.now() < endsAtMs && !signal.aborted; cycle++) {
      const beganMs = performance.now();
      await this.#change({ ...world, cycle, quarantined, authorization }, leak);
      if (signal.aborted) break;
      const taken = await this.#settled(gateway, () => sample(cycle, (performance.now() - startedMs) / 1000));
      this.#samples.push(taken);
      await this.#tell(world, taken);
      await sleep(Math.max(0, this.#options.cycleMs - (performance.now() - beganMs)), undefined, { signal }).catch(
        () => undefined,
      );
    }
    const tookMs = performance.now() - startedMs;
    const cpu = cpuOf(gateway, world);
    const traffic = await world.traffic.call("stopAll", undefined);
    return {
      cycles: cycle,
      changes: place.changes,
      minutes: Math.round(tookMs / 6000) / 10,
      cores: {
        gateway: (cpu.gateway - cpuBefore.gateway) / tookMs,
        harness: (cpu.harness - cpuBefore.harness) / tookMs,
      },
      outcome: {
        samples: this.#samples,
        traffic,
        failures: this.#failures,
        envoyRestarts: await gateway.metric("nuncio_envoy_restarts"),
        controlPlaneRestarts: await gateway.metric("nuncio_control_plane_restarts"),
        rejections: await gateway.metric("nuncio_xds_rejections_total"),
      },
    };
  }

  async #makePlace(directory: string): Promise<Place> {
    if (!this.#options.cluster) return manifestDirectory(path.join(directory, "manifests"));
    // Only now: it needs packages of the tests.
    return await (await import("./api-server.ts")).apiServer(this.#scope, directory);
  }

  async #change(context: StepContext, leak: Leaking): Promise<void> {
    for (const { title, run: change } of steps) {
      if (this.#options.signal.aborted) return;
      try {
        await change(context);
      } catch (error) {
        const failure = `cycle ${context.cycle}, ${title}: ${error instanceof Error ? error.message : String(error)}`;
        this.#options.say(failure);
        this.#failures.push(failure);
        for (const name of passing) await context.place.remove(name);
      }
    }
    await leak.after(context.cycle);
  }

  /** A sample once everything that was taken back is gone, or of what is there when it did not go. */
  async #settled(gateway: Gateway, sample: () => Promise<Sample>): Promise<Sample> {
    const untilMs = performance.now() + settledWithinMs;
    const [first] = this.#samples;
    let previous: string | undefined;
    let sinceMs = performance.now();
    for (;;) {
      const isLate = performance.now() > untilMs || this.#options.signal.aborted;
      if (isLate || (await isSettled(gateway))) {
        const taken = await sample();
        const counts = JSON.stringify(taken.counts);
        // Of the first it is not known beforehand what it is to be: it has to stay.
        const wanted = first === undefined ? previous : JSON.stringify(first.counts);
        if (counts !== previous) sinceMs = performance.now();
        if (counts === wanted || isLate || performance.now() - sinceMs > staysMs) return taken;
        previous = counts;
      }
      await sleep(500);
    }
  }

  async #tell({ traffic }: World, { cycle, processes, counts, atSeconds }: Sample): Promise<void> {
    const every = Math.max(1, Math.ceil((this.#options.minutes * 60_000) / Math.max(this.#options.cycleMs, 1000) / 60));
    if (cycle % every !== 0) return;
    const { requests, lost } = await traffic.call("progress", undefined);
    const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
    const rss = Object.entries(processes).map(
      ([role, { rssMb, descriptors }]) => `${role} ${rssMb} MB ${descriptors} fds`,
    );
    this.#options.say(
      `${atSeconds} s, cycle ${cycle}: ${total} requests, ${lost} lost; ${rss.join(", ")}; ` +
        `${counts.clusters} clusters, ${counts.listeners} listeners`,
    );
  }

  /** Allows everything. */
  async #startAuthorization(): Promise<StepContext["authorization"]> {
    let count = 0;
    const server = http.createServer((_, response) => {
      count++;
      response.end();
    });
    server.keepAliveTimeout = 0;
    server.listen(await freePort(), "127.0.0.1");
    await once(server, "listening");
    this.#scope.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    return { port: (server.address() as AddressInfo).port, count: () => count };
  }
}

/** Milliseconds so far. */
function cpuOf(gateway: Gateway, world: World) {
  const sum = (all: readonly number[]) => all.reduce((total, pid) => total + cpuTime(pid).all, 0);
  return { gateway: sum(Object.values(gateway.pids)), harness: sum(world.pids) };
}
