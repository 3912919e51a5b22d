import { createHash } from "node:crypto";
import { customKinds } from "../../capabilities/kinds.ts";
import { isForGateway } from "../../crds/ambassador-id.ts";
import { isFields } from "../../crds/metadata.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { keyOf } from "../../ir/resource.ts";
import { verdictsOf } from "../../status/conditions.ts";
import { progressOf, type Progress, type Replica } from "../../status/progress.ts";
import { conditionsIn, type Status, statusOf } from "../../status/status.ts";
import type { Clock } from "../clock.ts";
import { parseJson } from "../informers/raw.ts";
import { isOlder } from "../informers/version.ts";
import { idOf, type ProblemIndex } from "./problem-index.ts";
import { writeQueue } from "./queue.ts";
import type { Sightings } from "./sightings.ts";
import type { StatusWriter } from "./write.ts";

type Kind = AnyResource["kind"];

export interface DeskOptions {
  readonly object: (kind: Kind, namespace: string, name: string) => AnyResource | undefined;
  /** Everything that may have a status of ours. */
  readonly objects: () => Iterable<AnyResource>;
  readonly sightings: Sightings;
  readonly problems: ProblemIndex;
  readonly replicas: () => readonly Replica[];
  readonly ambassadorId: string;
  /** This replica is the one that writes, and knows enough to. */
  readonly mayWrite: () => boolean;
  readonly writer: StatusWriter;
  readonly onWritten: (object: AnyResource, before: string, status: Status) => void;
  /** From when a content was first seen until every proxy had it. */
  readonly onProgrammed: (seconds: number) => void;
  readonly clock: Clock;
  readonly today: () => Date;
  readonly signal: AbortSignal;
  readonly timing?: DeskTiming;
}

export interface DeskTiming {
  /** How long a change has to reach all proxies before it is told that it has not: mostly one write then says it all. */
  readonly patienceMs: number;
  /** The same where all had this generation once: a report may be as old as a Lease's renewal. */
  readonly longPatienceMs: number;
  readonly perSecond: number;
  readonly burst: number;
  readonly parallel: number;
}

export const usualDeskTiming: DeskTiming = {
  patienceMs: 1000,
  longPatienceMs: 15_000,
  perSecond: 50,
  burst: 100,
  parallel: 8,
};

export interface Desk {
  /** The content of an object is new, or what is said of it. `isContent`: it has yet to reach the proxies. */
  touch(id: string, isContent?: boolean): void;
  /** The replicas say something else than before. */
  progressed(): void;
  /** Looks at everything. */
  begin(): void;
  /** Forgets what was to be written: another one writes now. */
  end(): void;
}

interface Awaited {
  readonly sinceMs: number;
  /** It was seen to change here; of others it is not known when. */
  readonly isMeasured: boolean;
}

interface Repeated {
  readonly digest: string;
  readonly atMs: number;
  readonly times: number;
}

const SLICE = 500;
/** How often it is looked whether a replica is gone for which something waits. */
const STALE_MS = 5000;
/** Somebody else who writes the same fields is answered ever more seldom. */
const repeat = { minMs: 1000, maxMs: 60_000, rememberMs: 120_000 };

const kindNames: ReadonlySet<string> = new Set(customKinds.map(({ kind }) => kind));

/** Works out whose status is to be written, and has it written. */
export function statusDesk(options: DeskOptions): Desk {
  const { sightings, problems, writer, clock, signal, timing = usualDeskTiming } = options;
  const dirty = new Set<string>();
  /** Objects that not every proxy has, or that one refuses. */
  const awaited = new Map<string, Awaited>();
  const writes = new Map<string, Repeated>();
  const resting = new Map<string, Set<string>>();
  let progressedAt = false;
  let cancel: (() => void) | undefined;
  let restUntilMs = 0;

  const queue = writeQueue<string>({ ...timing, clock, signal, work: write });

  function find(id: string): AnyResource | undefined {
    const [kind = "", key = ""] = id.split(" ");
    const [namespace = "", name = ""] = key.split("/");
    if (!kindNames.has(kind)) return undefined;
    const object = options.object(kind as Kind, namespace, name);
    return object === undefined || object.uid === "" || !isOurs(object) ? undefined : object;
  }

  function isOurs({ spec }: AnyResource): boolean {
    const { ambassador_id: ids } = spec as { readonly ambassador_id?: readonly string[] };
    return isForGateway(ids, options.ambassadorId);
  }

  function progress(object: AnyResource): Progress {
    const version = sightings.of(object.kind, keyOf(object))?.contentVersion ?? "";
    return progressOf({ ...object, version }, options.replicas(), isOlder);
  }

  /** What is to be written; undefined: nothing, or nothing yet. */
  function wanted(id: string, object: AnyResource): Status | undefined {
    const sighting = sightings.of(object.kind, keyOf(object));
    if (sighting === undefined) return undefined;
    const before = statusIn(sighting.status);
    const verdicts = verdictsOf({
      problems: problems.of(id),
      isKept: problems.isKept(id),
      progress: progress(object),
    });
    const [, , programmed] = verdicts;
    if (programmed.reason === "Pending" || programmed.reason === "RejectedByProxy") {
      if (!awaited.has(id)) awaited.set(id, { sinceMs: clock.now(), isMeasured: false });
    } else {
      const { sinceMs, isMeasured } = awaited.get(id) ?? {};
      if (sinceMs !== undefined && isMeasured === true && programmed.status === "True")
        options.onProgrammed((clock.now() - sinceMs) / 1000);
      awaited.delete(id);
    }
    if (programmed.reason === "Pending" && isEarly(id, object, before)) return undefined;
    return statusOf({
      kind: object.kind,
      generation: object.generation,
      verdicts,
      hasCertificate: object.kind === "Host" && object.spec?.tlsSecret !== undefined,
      before,
      hasConditions: writer.hasConditions(object.kind),
      now: `${options.today().toISOString().slice(0, 19)}Z`,
    });
  }

  function isEarly(id: string, { generation }: AnyResource, before: ReturnType<typeof statusIn>): boolean {
    const known = conditionsIn(before).get("Programmed");
    const wasProgrammed = known?.status === "True" && known.observedGeneration === generation;
    const patienceMs = wasProgrammed ? timing.longPatienceMs : timing.patienceMs;
    return clock.now() - (awaited.get(id)?.sinceMs ?? 0) < patienceMs;
  }

  function review(): void {
    cancel = undefined;
    if (signal.aborted || !options.mayWrite()) return;
    const startedMs = clock.now();
    if (progressedAt) {
      progressedAt = false;
      for (const id of awaited.keys()) dirty.add(id);
    }
    let looked = 0;
    for (const id of dirty) {
      if (looked++ === SLICE) break;
      dirty.delete(id);
      const object = find(id);
      if (object === undefined) awaited.delete(id);
      else if (writer.rests(object.kind)) rest(id, object.kind);
      else if (wanted(id, object) !== undefined) queue.add(id);
    }
    // However many there are, this takes no more than a part of the time.
    const tookMs = clock.now() - startedMs;
    restUntilMs = clock.now() + 3 * tookMs;
    if (dirty.size > 0) schedule();
    else if (awaited.size > 0) cancel = clock.setTimer(isAnyEarly() ? timing.patienceMs / 2 : STALE_MS, again);
  }

  function isAnyEarly(): boolean {
    const sinceMs = clock.now() - timing.longPatienceMs;
    for (const each of awaited.values()) if (each.sinceMs > sinceMs) return true;
    return false;
  }

  /** Patience may have come to its end, or a Lease. */
  function again(): void {
    progressedAt = true;
    review();
  }

  function schedule(): void {
    cancel?.();
    const delayMs = restUntilMs - clock.now();
    if (delayMs > 1) {
      cancel = clock.setTimer(delayMs, review);
      return;
    }
    const immediate = setImmediate(review);
    cancel = () => clearImmediate(immediate);
  }

  async function write(id: string): Promise<number> {
    const object = options.mayWrite() ? find(id) : undefined;
    const status = object === undefined ? undefined : wanted(id, object);
    if (object === undefined || status === undefined) return 0;
    if (writer.rests(object.kind)) return rest(id, object.kind);
    const delayMs = isRepeated(id, status);
    if (delayMs > 0) return later(id, delayMs);
    const before = sightings.of(object.kind, keyOf(object))?.status ?? "";
    const outcome = await writer.write(object, status);
    if (outcome.kind === "written") {
      sightings.wrote(object.kind, keyOf(object), outcome);
      remember(id, status);
      options.onWritten(object, before, status);
      wake(object.kind);
      // It may have changed meanwhile.
      touch(id);
    }
    if (outcome.kind === "later") return later(id, outcome.delayMs);
    if (outcome.kind !== "rest") return 0;
    dirty.add(id);
    schedule();
    return outcome.delayMs;
  }

  /** Of a kind whose status cannot be written one is tried from time to time; the others wait until that works. */
  function rest(id: string, kind: string): number {
    const some = resting.get(kind) ?? new Set<string>();
    resting.set(kind, some.add(id));
    return 0;
  }

  function wake(kind: string): void {
    const some = resting.get(kind);
    resting.delete(kind);
    for (const id of some ?? []) touch(id);
  }

  function later(id: string, delayMs: number): number {
    clock.setTimer(Math.max(1, delayMs), () => touch(id));
    return 0;
  }

  function isRepeated(id: string, status: Status): number {
    const known = writes.get(id);
    if (known === undefined || known.digest !== digestOf(status)) return 0;
    return known.atMs + Math.min(repeat.maxMs, repeat.minMs * 2 ** (known.times - 1)) - clock.now();
  }

  function remember(id: string, status: Status): void {
    const digest = digestOf(status);
    const known = writes.get(id);
    const times = known?.digest === digest ? known.times + 1 : 1;
    writes.delete(id);
    writes.set(id, { digest, atMs: clock.now(), times });
    for (const [oldest, { atMs }] of writes) {
      if (clock.now() - atMs < repeat.rememberMs) break;
      writes.delete(oldest);
    }
  }

  function touch(id: string, isContent = false): void {
    if (!options.mayWrite()) return;
    if (isContent) awaited.set(id, { sinceMs: clock.now(), isMeasured: true });
    dirty.add(id);
    schedule();
  }

  return {
    touch,
    progressed() {
      progressedAt = true;
      if (awaited.size > 0) schedule();
    },
    begin() {
      for (const object of options.objects()) dirty.add(idOf(object));
      schedule();
    },
    end() {
      cancel?.();
      cancel = undefined;
      dirty.clear();
      awaited.clear();
      writes.clear();
      resting.clear();
      queue.clear();
    },
  };
}

function statusIn(text: string): Readonly<Record<string, unknown>> | undefined {
  const status = text === "" ? undefined : parseJson(text);
  return isFields(status) ? status : undefined;
}

function digestOf(status: Status): string {
  const text = JSON.stringify(status, (key, value: unknown) => (key === "lastTransitionTime" ? undefined : value));
  return createHash("sha256").update(text).digest("base64").slice(0, 12);
}
