import { diffMaps } from "../../ir/bucket-map.ts";
import { formatComplaint, type Problem } from "../../ir/problem.ts";
import type { Refusal, ReplicaReport, TypeReport } from "../../status/report.ts";
import type { AdsEvent } from "../../xds/server/events.ts";
import { emptySnapshot, type ResourceMap, type Snapshot, type XdsType, xdsTypes } from "../../xds/snapshot.ts";
import type { Readiness } from "../readiness.ts";
import type { Clock } from "../clock.ts";
import type { Live } from "../when-live.ts";
import type { Sightings } from "./sightings.ts";

export interface OwnReport {
  published(snapshot: Snapshot): void;
  acknowledged(event: Extract<AdsEvent, { kind: "acknowledged" }>): void;
  live(live: Live): void;
  /** Everything that is wrong now. */
  problems(problems: readonly Problem[]): void;
  now(): ReplicaReport;
  /** What of a report is news: times, and versions in which no content changed, can wait. */
  worth(): string;
}

export interface OwnReportOptions {
  readonly readiness: () => Readiness;
  readonly sightings: () => Pick<Sightings, "contentVersions" | "readVersions">;
  readonly clock: Clock;
  readonly today: () => Date;
}

interface TypeState {
  readonly map: ResourceMap;
  readonly digest: number;
  readonly sentAtMs: number;
  readonly acknowledgedAt?: string;
  readonly lagMs?: number;
}

/** What this replica has to say of its Envoy. */
export function ownReport(options: OwnReportOptions): OwnReport {
  const { clock } = options;
  const types = new Map<XdsType, TypeState>(
    xdsTypes.map((type) => [type, { map: emptySnapshot[type], digest: 0, sentAtMs: clock.now() }]),
  );
  let acknowledged: ReadonlyMap<string, string> = new Map();
  let refused: readonly Refusal[] = [];
  let refusedResources: readonly { readonly type: XdsType; readonly name: string; readonly message: string }[] = [];

  function versions(): Record<string, string> {
    const { contentVersions, readVersions } = options.sightings();
    const [content, read] = [contentVersions(), readVersions()];
    // With no content to wait for, all that was read is served.
    return Object.fromEntries(
      [...acknowledged].map(([kind, version]) => [
        kind,
        content.get(kind) === version ? (read.get(kind) ?? version) : version,
      ]),
    );
  }

  function typeReport(type: XdsType, { map, digest, acknowledgedAt, lagMs }: TypeState): TypeReport {
    const own = refusedResources.filter((each) => each.type === type);
    return {
      resources: map.size,
      digest: (digest >>> 0).toString(16).padStart(8, "0"),
      ...(acknowledgedAt === undefined ? {} : { acknowledgedAt }),
      ...(lagMs === undefined ? {} : { lagMs }),
      ...(own.length === 0 ? {} : { refused: own.map(({ name, message }) => ({ name, message })) }),
    };
  }

  return {
    published(snapshot) {
      for (const type of xdsTypes) {
        const before = types.get(type);
        const map = snapshot[type];
        if (before === undefined || before.map === map) continue;
        types.set(type, { map, digest: before.digest ^ difference(before.map, map), sentAtMs: clock.now() });
      }
    },
    acknowledged({ snapshot, refused: resources }) {
      refusedResources = resources;
      for (const [type, state] of types) {
        if (state.map !== snapshot[type] || state.acknowledgedAt !== undefined) continue;
        const lagMs = Math.round((clock.now() - state.sentAtMs) * 10) / 10;
        types.set(type, { ...state, acknowledgedAt: options.today().toISOString(), lagMs });
      }
    },
    live: (live) => (acknowledged = live.versions),
    problems(problems) {
      refused = problems
        .filter(({ code }) => code === "EnvoyRejected")
        .map((problem) => {
          const { kind, namespace, name } = problem.object;
          return { kind, namespace, name, message: formatComplaint(problem) };
        });
    },
    now() {
      const readiness = options.readiness();
      return {
        ready: readiness.ready,
        ...(readiness.ready ? {} : { reason: readiness.reason }),
        versions: versions(),
        refused: [...refused],
        types: Object.fromEntries([...types].map(([type, state]) => [type, typeReport(type, state)])),
      };
    },
    worth: () => JSON.stringify([options.readiness(), [...acknowledged], refused, refusedResources]),
  };
}

/** What XORed on a map's digest gives that of the next: it costs what changed. */
function difference(before: ResourceMap, now: ResourceMap): number {
  const { changed, gone } = diffMaps(before, now);
  let sum = 0;
  for (const [name, { version }] of changed) sum ^= numberOf(name, before.get(name)?.version) ^ numberOf(name, version);
  for (const name of gone) sum ^= numberOf(name, before.get(name)?.version);
  return sum;
}

/** FNV-1a of name and version, which is a hash of the content already. */
function numberOf(name: string, version: string | undefined): number {
  if (version === undefined) return 0;
  let hash = 0x811c9dc5;
  for (const text of [name, version])
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
