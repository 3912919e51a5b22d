/** How long the admission process takes to judge a change: reviews as the API server sends them, over a connection that stays. */
import https from "node:https";
import { startAdmission } from "../../test/admission/process.ts";
import { responseOf, review } from "../../test/admission/reviews.ts";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { cpuTime, loadAverage, memory, type Memory } from "./machine.ts";
import { filler, type Shape } from "./objects.ts";
import type { Scope } from "./session.ts";
import { type Distribution, distribution, quantile, rounded } from "./statistics.ts";

interface Figures {
  /** Milliseconds from the request to its answer. */
  readonly tookMs: Distribution & { readonly p99: number };
  /** Milliseconds of CPU of the admission process per review. */
  readonly cpuMs: number;
}

export interface AdmissionRow {
  readonly scheme: Shape["scheme"];
  readonly hosts: number;
  readonly mappings: number;
  readonly loadAverage: readonly number[];
  /** One review at a time: a new Mapping, and every other time a change of one. */
  readonly single: Figures;
  /** As many at once as `kubectl apply` of a directory and some controllers make. */
  readonly eight: Figures;
  readonly memory: Memory;
}

export interface Judged {
  readonly shape: Shape;
  readonly mappings: number;
  readonly cluster: Cluster;
  readonly bundle: string;
  /** Reviews of each kind of load. */
  readonly reviews: number;
}

/** For the machine code; not counted. */
const warmUps = 40;

export async function measureAdmission(scope: Scope, judged: Judged): Promise<AdmissionRow> {
  const { shape, mappings, cluster, bundle, reviews } = judged;
  const admission = await startAdmission({ kubeconfig: cluster.kubeconfig, program: bundle });
  scope.defer(() => admission.stop());
  await admission.ready();
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  scope.defer(() => agent.destroy());
  let made = 0;
  const judge = async (): Promise<number> => {
    const body = JSON.stringify(reviewOf(shape, mappings, made++));
    const startedMs = performance.now();
    const answer = await post(`${admission.url}/validate`, body, agent);
    const tookMs = performance.now() - startedMs;
    if (!responseOf(answer).allowed) throw new Error(`a review was not allowed: ${answer}`);
    return tookMs;
  };
  const load = async (parallel: number): Promise<Figures> => {
    const took: number[] = [];
    const before = cpuTime(admission.pid).all;
    const worker = async () => {
      while (took.length < reviews) took.push(await judge());
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    const cpuMs = rounded((cpuTime(admission.pid).all - before) / took.length);
    return { tookMs: { ...distribution(took), p99: rounded(quantile(took, 0.99)) }, cpuMs };
  };
  for (let i = 0; i < warmUps; i++) await judge();
  const at = loadAverage();
  const single = await load(1);
  const eight = await load(8);
  const { scheme, hosts } = shape;
  return { scheme, hosts, mappings, loadAverage: at, single, eight, memory: memory(admission.pid) };
}

function reviewOf(shape: Shape, mappings: number, index: number): unknown {
  const isUpdate = index % 2 === 1;
  const { metadata, spec, ...type } = filler(shape, isUpdate ? (index * 37) % mappings : mappings + index);
  const object = {
    ...type,
    metadata: { ...metadata, uid: `uid-${index}`, generation: 1, creationTimestamp: new Date().toISOString() },
    spec: { ...spec, timeout_ms: 1000 + index },
  };
  return review(object, isUpdate ? { ...object, spec } : undefined);
}

function post(url: string, body: string, agent: https.Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = https.request(url, { method: "POST", agent, headers, timeout: 20_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer within 20 s")));
    sent.on("error", reject);
    sent.end(body);
  });
}
