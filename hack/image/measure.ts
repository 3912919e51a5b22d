/** From the start of a container to a gateway that is ready in it, as a kubelet sees it: /readyz answers 200. */
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../test/cluster/loopback.ts";
import { loadAverage } from "../bench/machine.ts";
import { fillers, frame, type Shape } from "../bench/objects.ts";
import { writeManifests } from "../bench/start.ts";
import { distribution } from "../bench/statistics.ts";
import { Container, whyNoContainer } from "./container.ts";
import { ImageError } from "./parts.ts";

const shape: Shape = { scheme: "cleartext", hosts: 1 };
const repetitions = 7;
const patienceMs = 60_000;

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ port, path: "/readyz", agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once("error", () => resolve(false));
  });
}

interface Start {
  readonly tookMs: number;
  /** Processor time of all its processes: unlike the time that passed, much the same on a busy machine. */
  readonly cpuMs: number;
}

async function startToReady(tree: string, manifests: string): Promise<Start> {
  const adminPort = await freePort();
  const startedMs = performance.now();
  const container = new Container({
    tree,
    args: ["run", "--config", "/config", "--admin-port", String(adminPort), "--log-level", "error"],
    volumes: { "/config": manifests },
  });
  try {
    while (!(await isReady(adminPort))) {
      if (container.child.exitCode !== null || performance.now() - startedMs > patienceMs)
        throw new ImageError("the gateway in the container did not become ready");
      await sleep(5);
    }
    const tookMs = performance.now() - startedMs;
    return { tookMs, cpuMs: container.processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0) };
  } finally {
    container.signal("SIGINT");
    await container.exited;
  }
}

/** Returns a line for each number of Mappings. `work` is a directory for manifests. */
export async function measureStarts(tree: string, work: string): Promise<string[]> {
  const why = whyNoContainer();
  if (why !== undefined) throw new ImageError(`--measure: ${why}`);
  const lines: string[] = [`start to ready, ms, ${repetitions} times each; load average ${loadAverage()[0]}`];
  for (const mappings of [0, 1000]) {
    const manifests = path.join(work, `manifests-${mappings}`);
    fs.mkdirSync(manifests);
    writeManifests(manifests, [...(await frame(shape, await freePort())), ...fillers(shape, 0, mappings)]);
    const starts: Start[] = [];
    for (let i = 0; i < repetitions; i++) starts.push(await startToReady(tree, manifests));
    const took = distribution(starts.map(({ tookMs }) => tookMs));
    const cpu = distribution(starts.map(({ cpuMs }) => cpuMs));
    const figures = `${Math.round(took.p50)} (median), ${Math.round(took.min)} to ${Math.round(took.max)}`;
    lines.push(`  ${mappings} Mappings: ${figures}; processor time ${Math.round(cpu.p50)}`);
  }
  return lines;
}
