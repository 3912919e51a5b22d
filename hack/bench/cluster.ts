/** The figures that need a Kubernetes API server: one cluster per shape, grown from size to size. */
import fs from "node:fs";
import path from "node:path";
import { type Cluster, startCluster } from "../../test/cluster/cluster.ts";
import { freePort } from "../../test/cluster/loopback.ts";
import { root } from "../paths.mjs";
import { type AdmissionRow, measureAdmission } from "./admission.ts";
import type { BackendMethods } from "./backend.ts";
import { type ChangesRow, measureChanges } from "./changes.ts";
import { startChild } from "./child.ts";
import { defaultForm, type Form, formsFor } from "./forms.ts";
import { type GatewayOptions, startGateway } from "./gateway.ts";
import { type KubeClient, kubeClient } from "./kube-client.ts";
import { measureMemory, type MemoryRow } from "./memory.ts";
import { fillers, frame, route, type Shape } from "./objects.ts";
import type { Options } from "./options.ts";
import { type BurstRow, type Measured, measureBurst, measurePropagation, type PropagationRow } from "./propagation.ts";
import type { Scope, Session } from "./session.ts";
import { answeringPath, measureStart, type StartRow } from "./start.ts";
import { rounded } from "./statistics.ts";

export interface LoadRow {
  readonly scheme: Shape["scheme"];
  readonly from: number;
  readonly to: number;
  /** How long the API server took. */
  readonly ms: number;
}

export interface ClusterRows {
  readonly kubernetes: string;
  readonly propagation: PropagationRow[];
  readonly burst: BurstRow[];
  readonly memory: MemoryRow[];
  readonly changes: ChangesRow[];
  readonly admission: AdmissionRow[];
  readonly start: StartRow[];
  readonly loading: LoadRow[];
}

export interface ClusterOptions extends Options {
  readonly bundleFile: string;
}

interface Grounds {
  readonly session: Session;
  readonly options: ClusterOptions;
  readonly shape: Shape;
  readonly scope: Scope;
  readonly cluster: Cluster;
  readonly kube: KubeClient;
  readonly listenerPort: number;
  readonly backendPort: number;
  readonly otherBackendPort: number;
  readonly rows: ClusterRows;
}

/** Changes under load are made at this many Mappings, or the next size below. */
const changesAt = 1000;
const burstAt = 1000;

export async function measureInCluster(session: Session, options: ClusterOptions): Promise<ClusterRows> {
  const rows: ClusterRows = {
    kubernetes: "",
    propagation: [],
    burst: [],
    memory: [],
    changes: [],
    admission: [],
    start: [],
    loading: [],
  };
  let kubernetes = "";
  const shapes: readonly Shape[] = [
    { scheme: "cleartext", hosts: 1 },
    ...(options.only.has("propagation") || options.only.has("memory") || options.only.has("admission")
      ? [{ scheme: "tls", hosts: options.tlsHosts } as const]
      : []),
  ];
  for (const shape of shapes) {
    const sizes = options.schemes.has(shape.scheme) ? options.sizes.filter((size) => size >= shape.hosts) : [];
    if (sizes.length === 0) continue;
    await session.scope(async (scope) => {
      const grounds = await prepare(session, scope, { options, shape, rows });
      kubernetes = await grounds.kube.version();
      let there = 0;
      if (shape.scheme === "cleartext" && options.only.has("memory")) await atSize(grounds, 0, 0);
      for (const size of sizes) {
        await grow(grounds, there, size);
        there = await atSize(grounds, size, Math.max(...sizes));
      }
    });
  }
  return { ...rows, kubernetes };
}

async function prepare(
  session: Session,
  scope: Scope,
  { options, shape, rows }: { readonly options: ClusterOptions; readonly shape: Shape; readonly rows: ClusterRows },
): Promise<Grounds> {
  const cluster = await startCluster({ dir: path.join(session.directory, `k-${shape.scheme}`) });
  scope.defer(() => cluster.stop());
  session.say(`etcd and kube-apiserver are up, for ${describe(shape)}`);
  const crds = path.join(root, "crds/generated");
  for (const file of fs.readdirSync(crds)) await cluster.apply(fs.readFileSync(path.join(crds, file), "utf8"));
  const kube = kubeClient(scope, cluster);
  const backend = startChild<BackendMethods>(scope, "./backend.ts");
  const listenerPort = await freePort();
  const backendPort = await backend.call("listen", "one");
  const otherBackendPort = await backend.call("listen", "two");
  const answering = route(shape, { name: "answering", prefix: answeringPath, port: backendPort });
  await kube.createAll([...(await frame(shape, listenerPort)), answering]);
  return { session, options, shape, scope, cluster, kube, listenerPort, backendPort, otherBackendPort, rows };
}

export function describe({ scheme, hosts }: Shape): string {
  return scheme === "tls" ? `${hosts} TLS hosts` : "one cleartext host";
}

async function grow({ session, kube, shape, rows }: Grounds, from: number, to: number): Promise<void> {
  if (from >= to) return;
  const ms = await kube.createAll(fillers(shape, from, to));
  rows.loading.push({ scheme: shape.scheme, from, to, ms: rounded(ms) });
  session.say(`${to - from} Mappings created in ${(ms / 1000).toFixed(1)} s`);
}

/** Everything that is asked for at one size. @returns how many Mappings are there afterwards */
async function atSize(grounds: Grounds, mappings: number, largest: number): Promise<number> {
  const { session, options, shape, cluster, listenerPort, rows } = grounds;
  const { only, quick } = options;
  const usual = defaultForm(shape, mappings);
  const gateway = (form: Form): GatewayOptions => ({
    bundle: options.bundleFile,
    directory: session.directory,
    source: { kubeconfig: cluster.kubeconfig },
    form,
  });
  if (only.has("start") && shape.scheme === "cleartext" && mappings >= 1000) {
    session.say(`${describe(shape)}, ${mappings} Mappings: start`);
    const started = { shape, mappings, listenerPort, options: gateway(usual), repetitions: quick ? 2 : 5 };
    rows.start.push(await measureStart(session, started));
  }
  if (only.has("admission") && mappings > 0) {
    session.say(`${describe(shape)}, ${mappings} Mappings: admission`);
    const judged = { shape, mappings, cluster, bundle: options.bundleFile, reviews: quick ? 200 : 1000 };
    rows.admission.push(await session.scope((scope) => measureAdmission(scope, judged)));
  }
  const wantsChanges = only.has("changes") && isForChanges(options, mappings) && shape.scheme === "cleartext";
  if (!only.has("propagation") && !only.has("memory") && !wantsChanges) return mappings;
  // Over many hosts only as the gateway does it by itself.
  const wanted = shape.scheme === "tls" ? new Set([usual]) : options.forms;
  for (const form of formsFor(shape, mappings, wanted)) {
    await session.scope((scope) => withGateway(grounds, scope, { gateway: gateway(form), mappings, wantsChanges }));
  }
  const wantsBurst = only.has("propagation") && mappings >= burstAt && shape.scheme === "cleartext";
  const burst = quick ? 500 : 5000;
  if (!wantsBurst || (!quick && mappings + burst > largest)) return mappings;
  return session.scope(async (scope) => {
    session.say(`${describe(shape)}, ${mappings} Mappings: ${burst} more at once`);
    const { kube, backendPort } = grounds;
    const running = await startGateway(scope, gateway(usual));
    const form = defaultForm(shape, mappings + burst);
    const measured = { form, shape, mappings, kube, gateway: running, listenerPort, backendPort };
    await running.settled(10_000);
    rows.burst.push(await measureBurst(measured, burst));
    return mappings + burst;
  });
}

interface At {
  readonly gateway: GatewayOptions;
  readonly mappings: number;
  readonly wantsChanges: boolean;
}

/** What is measured on one gateway. */
async function withGateway(grounds: Grounds, scope: Scope, { gateway, mappings, wantsChanges }: At): Promise<void> {
  const { session, options, shape, kube, listenerPort, backendPort, otherBackendPort, rows } = grounds;
  const { only, repetitions } = options;
  const { form } = gateway;
  const say = (what: string) => session.say(`${describe(shape)}, ${mappings} Mappings, ${form}: ${what}`);
  const running = await startGateway(scope, gateway);
  const measured: Measured = { form, shape, mappings, kube, gateway: running, listenerPort, backendPort };
  if (only.has("memory")) {
    say("memory");
    rows.memory.push(await measureMemory(running, { form, shape, mappings, when: "started" }));
  }
  if (mappings === 0) return;
  if (only.has("propagation")) {
    say(`propagation, ${repetitions} times`);
    rows.propagation.push(await measurePropagation(scope, measured, { repetitions, directory: session.directory }));
  }
  if (wantsChanges) {
    say(`${options.changes} changes under load`);
    rows.changes.push(await measureChanges(scope, { ...measured, otherBackendPort }, options.changes));
  }
  if (only.has("memory") && (only.has("propagation") || wantsChanges)) {
    rows.memory.push(await measureMemory(running, { form, shape, mappings, when: "used" }));
  }
}

function isForChanges({ sizes }: Options, mappings: number): boolean {
  return mappings === (sizes.findLast((size) => size <= changesAt) ?? sizes[0]);
}
