/**
 * What no gateway can be faster than: the same configuration in a second Envoy, and the same changes, compiled and encoded
 * before the clock starts, pushed over ADS with no Kubernetes in front. A process of its own.
 */
import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createCompiler } from "../../compile/compile.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import { envoyBootstrap } from "../../runtime/bootstrap.ts";
import { envoyArguments } from "../../runtime/envoy.ts";
import { silentLog } from "../../runtime/log.ts";
import { freePort } from "../../test/cluster/loopback.ts";
import { type AdsServer, createAdsServer } from "../../xds/server/server.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import { envoyPath } from "../paths.mjs";
import { serve } from "./child.ts";
import type { Form } from "./forms.ts";
import { fillers, firstHostname, frame, route, type Shape } from "./objects.ts";
import { createProbe, type Probe } from "./probe.ts";
import { compileSettings, parse, storeOf } from "./resources.ts";

export interface FloorOptions {
  readonly shape: Shape;
  readonly mappings: number;
  readonly form: Form;
  readonly backendPort: number;
  readonly directory: string;
}

/** Milliseconds from the push until the first request that shows it. */
export interface ChangeTimes {
  readonly added: number;
  readonly changed: number;
  readonly deleted: number;
}

const prefix = "/measured/";

interface Running {
  readonly ads: AdsServer;
  readonly envoy: ChildProcess;
  readonly probe: Probe;
  readonly snapshots: Readonly<Record<keyof ChangeTimes, Snapshot>>;
}
let running: Running | undefined;

async function start({ shape, mappings, form, backendPort, directory }: FloorOptions): Promise<void> {
  const port = await freePort();
  fs.mkdirSync(directory, { recursive: true });
  const xdsSocketPath = path.join(directory, "xds.sock");
  const store = storeOf([...(await frame(shape, port)), ...fillers(shape, 0, mappings)]);
  const compile = createCompiler();
  const settings = compileSettings(form);
  const discover = endpointDiscovery();
  const snapshot = (): Snapshot => {
    const resources = store.resources();
    const compiled = compile(resources, settings);
    return { ...compiled.snapshot, endpoint: discover(compiled.endpoints, resources) };
  };
  const measured = (rewrite: string) =>
    parse(route(shape, { name: "measured", prefix, port: backendPort, tag: "measured", rewrite }));
  store.put(measured("/a/"));
  const added = snapshot();
  store.put(measured("/b/"));
  const changed = snapshot();
  store.remove("Mapping", "default", "measured");
  const deleted = snapshot();

  const ads = await createAdsServer({ socketPath: xdsSocketPath, log: silentLog, graceMs: 50 });
  ads.setSnapshot(deleted);
  const envoy = startEnvoy(directory, xdsSocketPath);
  const host = firstHostname(shape);
  const probe = createProbe(
    shape.scheme === "tls" ? { port, authority: host, serverName: host } : { port, authority: "bench.example.com" },
  );
  await probe.until(prefix, ({ status }) => status === 404, 120_000);
  running = { ads, envoy, probe, snapshots: { added, changed, deleted } };
}

function startEnvoy(directory: string, xdsSocketPath: string): ChildProcess {
  const bootstrapPath = path.join(directory, "bootstrap.json");
  const bootstrap = envoyBootstrap({
    nodeId: "floor",
    nodeCluster: "floor",
    adminSocketPath: path.join(directory, "admin.sock"),
    xdsSocketPath,
    stats: "default",
  });
  fs.writeFileSync(bootstrapPath, JSON.stringify(bootstrap));
  const flags = envoyArguments({ envoyPath, bootstrapPath, logLevel: "error", drainTimeMs: 1000, concurrency: 1 });
  const envoy = spawn(envoyPath, flags, { stdio: "ignore" });
  process.once("exit", () => envoy.kill("SIGKILL"));
  return envoy;
}

async function change(which: keyof ChangeTimes): Promise<number> {
  if (running === undefined) throw new Error("not started");
  const { ads, probe, snapshots } = running;
  const live = probe.until(prefix, ({ status, body }) =>
    which === "deleted" ? status === 404 : status === 200 && body.endsWith(which === "added" ? "/a/" : "/b/"),
  );
  const pushedMs = performance.now();
  ads.setSnapshot(snapshots[which]);
  return (await live) - pushedMs;
}

function stop(): void {
  running?.probe.close();
  running?.envoy.kill("SIGKILL");
  running = undefined;
}

const methods = { start, change };
export type FloorMethods = typeof methods;
serve(methods, stop);
