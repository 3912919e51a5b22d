import type { Writable } from "node:stream";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { kinds } from "../../capabilities/kinds.ts";

export type Outcome = "allowed" | "denied" | "failed";

export interface AdmissionMetrics {
  readonly contentType: string;
  reviewed(kind: string, outcome: Outcome, seconds: number): void;
  compiled(seconds: number): void;
  certificate(expiresAt: Date): void;
  /** A conversion between versions: of so many objects, or why it failed. */
  converted(objects: number, failure: string | undefined): void;
  write(to: Writable): Promise<void>;
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const known: ReadonlySet<string> = new Set(kinds.map(({ kind }) => kind));

export function createAdmissionMetrics(version: string, waiting: () => number): AdmissionMetrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register, prefix: "nuncio_", eventLoopMonitoringPrecision: 50 });
  new Gauge({ name: "nuncio_info", help: "Version; always 1.", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  const reviews = new Counter({
    name: "nuncio_admission_reviews_total",
    help: "Admission reviews that were answered.",
    labelNames: ["kind", "outcome"],
    registers,
  });
  const reviewSeconds = new Histogram({
    name: "nuncio_admission_review_seconds",
    help: "From a whole review to its answer.",
    buckets: secondsBuckets,
    registers,
  });
  const conversions = new Counter({
    name: "nuncio_admission_conversions_total",
    help: "Conversions between versions that the API server asked for.",
    labelNames: ["outcome"],
    registers,
  });
  const converted = new Counter({
    name: "nuncio_admission_converted_objects_total",
    help: "Objects that were converted to another version.",
    registers,
  });
  const compileSeconds = new Histogram({
    name: "nuncio_admission_compile_seconds",
    help: "Time to compile all resources with the candidate among them.",
    buckets: secondsBuckets,
    registers,
  });
  new Gauge({
    name: "nuncio_admission_waiting",
    help: "Changes that wait for their turn.",
    registers,
    collect() {
      this.set(waiting());
    },
  });
  const expiry = new Gauge({
    name: "nuncio_admission_certificate_expiry_timestamp_seconds",
    help: "When the certificate that is served expires.",
    registers,
  });
  return {
    contentType: register.contentType,
    reviewed(kind, outcome, seconds) {
      reviews.inc({ kind: known.has(kind) ? kind : "other", outcome });
      reviewSeconds.observe(seconds);
    },
    compiled: (seconds) => compileSeconds.observe(seconds),
    certificate: (expiresAt) => expiry.set(expiresAt.getTime() / 1000),
    converted(objects, failure) {
      conversions.inc({ outcome: failure === undefined ? "converted" : "failed" });
      converted.inc(objects);
    },
    async write(to) {
      to.write(await register.metrics());
    },
  };
}
