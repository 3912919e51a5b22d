import type { Resources } from "../crds/resources.ts";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Problem } from "../ir/problem.ts";
import type { CertificateUse } from "../sources/getambassador/certificate-uses.ts";
import { certificateGauge } from "./certificate-metrics.ts";
import { openAdminStream } from "./envoy.ts";
import { problemGauges } from "./problem-metrics.ts";

export interface MetricsOptions {
  readonly version: string;
  readonly ambassadorId: string;
  /** Envoy's own statistics are appended from there. */
  readonly envoyAdminSocketPath: string;
  /** The longest that Envoy may take for its part. Default 8 s, under Prometheus's 10. */
  readonly envoyTimeoutMs?: number;
  /** Envoy's part is cut, at a line, when it is larger. Default 64 MiB. */
  readonly maxEnvoyBytes?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What the gateway counts, and its page. */
export interface Metrics {
  readonly contentType: string;
  compiled(seconds: number): void;
  /** One response with resources sent to Envoy; `type` as in xds/snapshot.ts. */
  pushed(type: string, bytes: number): void;
  rejected(type: string): void;
  /** From a snapshot's birth until Envoy had acknowledged all of it. */
  snapshotAcknowledged(lagSeconds: number): void;
  /** From the moment at which this replica, which writes status, saw a change until every proxy had acknowledged it. */
  programmed(seconds: number): void;
  /** The status of one object. */
  statusWritten(): void;
  /** Objects that are not in force as they are asked for, by kind. */
  quarantined(counts: Readonly<Record<string, number>>): void;
  /** All that stand now. */
  problems(problems: readonly Problem[]): void;
  /** Those in use now. */
  certificates(certificates: readonly CertificateUse[]): void;
  /** Resources that are known now, by kind. */
  resources(counts: Readonly<Record<string, number>>): void;
  envoyRestarts(count: number): void;
  controlPlaneRestarts(count: number): void;
  /** Writes the whole page, Envoy's part as it comes. */
  write(to: Writable, signal: AbortSignal): Promise<void>;
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics({
  version,
  ambassadorId,
  envoyAdminSocketPath,
  envoyTimeoutMs = 8000,
  maxEnvoyBytes = 64 * 1024 * 1024,
  now = Date.now,
}: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // The default of 10 ms is a timer that wakes an idle process 100 times a second.
  collectDefaultMetrics({ register: registry, prefix: "nuncio_", eventLoopMonitoringPrecision: 50 });
  const histogram = (name: string, help: string) => new Histogram({ name, help, buckets: secondsBuckets, registers });
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames: ["type"], registers });
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name, help, labelNames, registers });

  gauge("nuncio_info", "Version and identity of this gateway; always 1.", ["version", "ambassador_id"]).set(
    { version, ambassador_id: ambassadorId },
    1,
  );
  const compileSeconds = histogram("nuncio_compile_seconds", "Time to compile all resources to a snapshot.");
  const acknowledgedSeconds = histogram(
    "nuncio_snapshot_acknowledged_seconds",
    "From a new snapshot until Envoy had acknowledged all of it.",
  );
  const programmedSeconds = histogram(
    "nuncio_programmed_seconds",
    "From a change of an object until every proxy had acknowledged it; by the replica that writes status.",
  );
  const statusWrites = new Counter({
    name: "nuncio_status_writes_total",
    help: "Statuses of objects written.",
    registers,
  });
  const pushes = counter("nuncio_xds_pushes_total", "Responses sent to Envoy.");
  const pushedBytes = counter("nuncio_xds_pushed_bytes_total", "Bytes of the responses sent to Envoy.");
  const rejections = counter("nuncio_xds_rejections_total", "Responses that Envoy refused.");
  const quarantined = gauge(
    "nuncio_quarantined_objects",
    "Objects that are bad, and in whose place their last good version serves, or nothing.",
    ["kind"],
  );
  const resources = gauge("nuncio_resources", "Objects that are known now.", ["kind"]);
  const envoyRestarts = gauge(
    "nuncio_envoy_restarts",
    "How often Envoy ended and was started again, since the gateway started.",
  );
  const controlPlaneRestarts = gauge(
    "nuncio_control_plane_restarts",
    "How often the control plane ended and was started again, since the gateway started.",
  );
  const envoyUp = gauge("nuncio_envoy_up", "Whether Envoy answered this request for metrics.");

  const setAll = (target: Gauge, label: string, counts: Readonly<Record<string, number>>) => {
    target.reset(); // a kind of which there are none any more
    for (const [key, count] of Object.entries(counts)) target.set({ [label]: key }, count);
  };

  return {
    contentType: registry.contentType,
    compiled: (seconds) => compileSeconds.observe(seconds),
    pushed(type, bytes) {
      pushes.inc({ type });
      pushedBytes.inc({ type }, bytes);
    },
    rejected: (type) => rejections.inc({ type }),
    snapshotAcknowledged: (lagSeconds) => acknowledgedSeconds.observe(lagSeconds),
    programmed: (seconds) => programmedSeconds.observe(seconds),
    statusWritten: () => statusWrites.inc(),
    quarantined: (counts) => setAll(quarantined, "kind", counts),
    problems: problemGauges(registers),
    certificates: certificateGauge(registers, now),
    resources: (counts) => setAll(resources, "kind", counts),
    envoyRestarts: (count) => envoyRestarts.set(count),
    controlPlaneRestarts: (count) => controlPlaneRestarts.set(count),
    async write(to, signal) {
      const envoy = await openEnvoyStats({ socketPath: envoyAdminSocketPath, timeoutMs: envoyTimeoutMs, signal });
      envoyUp.set(envoy === undefined ? 0 : 1);
      await writeChunk(to, await registry.metrics());
      if (envoy !== undefined) await copyLines(envoy, to, maxEnvoyBytes);
    },
  };
}

interface EnvoyStatsRequest {
  readonly socketPath: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function openEnvoyStats({
  socketPath,
  timeoutMs,
  signal,
}: EnvoyStatsRequest): Promise<IncomingMessage | undefined> {
  try {
    const response = await openAdminStream(socketPath, { method: "GET", path: "/stats/prometheus", timeoutMs, signal });
    if (response.statusCode === 200) return response;
    response.resume();
    return undefined;
  } catch {
    return undefined; // our own figures are worth having without Envoy's
  }
}

/** Passes whole lines on, as fast as the reader takes them, and stops at the limit or where Envoy breaks off: half a line would make
 *  the page unreadable, and with it our own figures. */
async function copyLines(from: IncomingMessage, to: Writable, maxBytes: number): Promise<void> {
  const newline = 10;
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  try {
    for await (const part of from) {
      const chunk: Buffer = Buffer.concat([rest, part as Buffer]);
      const end = chunk.lastIndexOf(newline) + 1;
      rest = chunk.subarray(end);
      bytes += end;
      if (bytes > maxBytes)
        return await writeChunk(to, `# cut here: Envoy has more than ${maxBytes} bytes of statistics\n`);
      if (end > 0) await writeChunk(to, chunk.subarray(0, end));
    }
  } catch (error) {
    if (to.destroyed) throw error; // the reader is gone; otherwise Envoy is, or took too long
  }
}

async function writeChunk(to: Writable, chunk: string | Buffer): Promise<void> {
  if (to.destroyed) throw new Error("the reader of the metrics went away");
  if (to.write(chunk)) return;
  const done = new AbortController();
  try {
    await Promise.race([once(to, "drain", { signal: done.signal }), once(to, "close", { signal: done.signal })]);
  } finally {
    done.abort();
  }
}

/** How many there are of each kind. */
export function countOf(resources: Resources): Record<string, number> {
  return Object.fromEntries(
    Object.entries(resources).map(([kind, list]) => [kind, (list as readonly unknown[]).length]),
  );
}
