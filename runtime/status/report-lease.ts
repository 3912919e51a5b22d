import { type ReplicaReport, reportAnnotation, writeReport } from "../../status/report.ts";
import { type Clock, sleep } from "../clock.ts";
import { mergePatch } from "../informers/api.ts";
import { pause } from "../informers/retry.ts";
import type { Log } from "../log.ts";
import { leasesPath, microTime } from "./lease.ts";
import type { Requester } from "./request.ts";

export interface ReportLease {
  /** There may be something new to report. */
  changed(): void;
  /** Takes the Lease away: this replica is about to end. */
  release(): Promise<void>;
}

export interface Owner {
  readonly name: string;
  readonly uid: string;
}

export interface ReportTiming {
  /** After so long without a renewal this is no replica any more. Whole seconds. */
  readonly leaseMs: number;
  readonly renewMs: number;
  /** From one write to the next. */
  readonly pauseMs: number;
}

export const usualReportTiming: ReportTiming = { leaseMs: 20_000, renewMs: 5000, pauseMs: 500 };

export interface ReportLeaseOptions {
  readonly requester: Requester;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The Pod: with it the Lease goes. */
  readonly owner: Owner | undefined;
  /** What there is to report now. */
  readonly report: () => ReplicaReport;
  /** What of it is worth a write before the next renewal. */
  readonly worth: (report: ReplicaReport) => string;
  readonly clock: Clock;
  readonly today: () => Date;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly timing?: ReportTiming;
}

/** Keeps this replica's Lease: renewed, and with its report. */
export function keepReportLease(options: ReportLeaseOptions): ReportLease {
  const { requester, namespace, name, clock, log, signal, timing = usualReportTiming } = options;
  const path = leasesPath(namespace, name);
  const ended = new AbortController();
  const over = AbortSignal.any([signal, ended.signal]);
  let written: string | undefined;
  let wake: (() => void) | undefined;
  let lastSaid = "";

  async function write(report: ReplicaReport): Promise<boolean> {
    const time = microTime(options.today());
    const annotations = { [reportAnnotation]: writeReport(report) };
    const hold = { holderIdentity: name, leaseDurationSeconds: timing.leaseMs / 1000, renewTime: time };
    const { owner, labels } = options;
    const owners =
      owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: owner.name, uid: owner.uid }] };
    const metadata = { name, namespace, labels, annotations, ...owners };
    // Labels too: a Lease of an earlier version may lack them.
    const change = { metadata: { labels, annotations }, spec: hold };
    let reply = await requester.send({ method: "PATCH", path, contentType: mergePatch, body: change });
    if (reply.code === 404) {
      const body = {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata,
        spec: { ...hold, acquireTime: time },
      };
      reply = await requester.send({ method: "POST", path: leasesPath(namespace), body });
    }
    const isDone = reply.code > 0 && reply.code < 300;
    const said = isDone
      ? ""
      : `the Lease ${namespace}/${name}, by which this replica reports, cannot be written: ${reply.message}`;
    if (said !== "" && said !== lastSaid && !over.aborted) log.warn(said);
    lastSaid = said;
    return isDone;
  }

  async function run(): Promise<void> {
    while (!over.aborted) {
      const report = options.report();
      const worth = options.worth(report);
      const startedMs = clock.now();
      const isWritten = await write(report);
      if (isWritten) written = worth;
      // An API server that is away, or a right that lacks, is not asked for twice a second.
      const pauseMs = isWritten ? timing.pauseMs : timing.renewMs;
      await sleep(clock, Math.max(0, startedMs + pauseMs - clock.now()), over);
      const leftMs = () => startedMs + timing.renewMs - clock.now();
      while (!over.aborted && leftMs() > 0 && options.worth(options.report()) === written) {
        await pause(clock, Math.max(1, leftMs()), {
          signal: over,
          onWake(done) {
            wake = done;
            return () => (wake = undefined);
          },
        });
      }
    }
  }

  const running = run();
  return {
    changed: () => wake?.(),
    async release() {
      ended.abort();
      await running;
      await requester.send({ method: "DELETE", path });
    },
  };
}
