import type { Resources } from "../crds/resources.ts";
import { createCompiler } from "../compile/compile.ts";
import type { FreelyJudged } from "../compile/verdicts.ts";
import { type SourceMap, sourceMap } from "../compile/source-map.ts";
import type { Judged } from "../compile/last-good.ts";
import type { ConsulEndpoints } from "../discovery/consul.ts";
import { endpointDiscovery } from "../discovery/endpoints.ts";
import { emptyIr } from "../ir/empty.ts";
import type { CompileSettings } from "../ir/settings.ts";
import type { Snapshot } from "../xds/snapshot.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { Quarantine } from "./quarantine/quarantine.ts";
import { createVerdicts, type Verdicts } from "./validator/verdicts.ts";
import type { Live } from "./when-live.ts";

export interface ReconcilerOptions {
  readonly settings: CompileSettings;
  /** @param inForce what serves, which may be older than what is asked for */
  readonly resources: (inForce: Resources | undefined) => Resources;
  /** What Consul has answered; and for how long a first answer may hold a snapshot back. */
  readonly consul?: { endpoints(): ConsulEndpoints; awaitedMs(): number } | undefined;
  /** By kind: the resourceVersion of the last change among the resources. Default: there are none. */
  readonly versions?: () => ReadonlyMap<string, string>;
  /** What was judged is complete: endpoints, too. `isNews`: a snapshot follows, which is another one than the last. */
  readonly onComplete?: (live: Live, isNews: boolean) => void;
  /** Who judges what only Envoy can. Without it that goes to Envoy unjudged. */
  readonly verdicts?: Verdicts | undefined;
  /** So long changes wait for each other's verdicts; after that those alone whose content it is. */
  readonly patienceMs?: number;
  readonly onSnapshot: (snapshot: Snapshot, changedAtMs: number) => void;
  readonly onJudged: (judged: Judged) => void;
  /** Says what of the resources may be compiled now. Default: all of them. */
  readonly quarantine?:
    | Pick<Quarantine, "over" | "refusals" | "judged" | "unchanged" | "withProven" | "restored">
    | undefined;
  readonly onCompiled: (seconds: number) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Reconciler {
  /** Something changed. `endpointsOnly`: nothing that compile reads. */
  changed(endpointsOnly?: boolean): void;
  /** Of the configuration in force. */
  sourceMap(): SourceMap;
  stop(): void;
}

const PATIENCE_MS = 1000;

/** How often it is looked whether what is awaited has come. */
const AWAITING_MS = 2;

/**
 * Turns changes into snapshots. The first change after quiet goes at once; while changes keep coming, a run starts when
 * as much time has passed as the last one took, so that a burst coalesces, a trickle cannot starve and a core stays free.
 */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const {
    settings,
    resources,
    quarantine,
    clock,
    log,
    verdicts = createVerdicts(undefined),
    patienceMs = PATIENCE_MS,
  } = options;
  let compile = createCompiler();
  const discover = endpointDiscovery();
  let inForce: Resources | undefined;
  let judged: Judged | undefined;
  /** What `judged` is of: while a verdict is awaited, or after a compile that failed, resources are newer than what serves. */
  let live: Live | undefined;
  let snapshot: Snapshot | undefined;
  let changedAtMs: number | undefined;
  let mustCompile = true;
  let restUntilMs = 0;
  let cancel: (() => void) | undefined;
  let isStopped = false;
  /** Since when there has always been a content without a verdict. */
  let awaitedSinceMs: number | undefined;
  let cancelPatience = (): void => undefined;

  const run = (): void => {
    cancel = undefined;
    const startedMs = clock.now();
    const since = changedAtMs ?? startedMs;
    changedAtMs = undefined;
    const current = resources(quarantine?.withProven(inForce) ?? inForce);
    if (mustCompile || judged === undefined) {
      mustCompile = false;
      let next: FreelyJudged;
      try {
        next = verdicts.judge(
          quarantine?.over(compile) ?? compile,
          current,
          settings,
          inForce ?? quarantine?.restored(),
          quarantine?.refusals(),
          // With nothing in force there is nothing that could serve on.
          judged !== undefined && clock.now() - (awaitedSinceMs ?? Infinity) >= patienceMs,
        );
      } catch (error) {
        // A bug of ours must not take down what serves: the last snapshot stays, and what is remembered may be half done.
        compile = createCompiler();
        log.error("compiling failed; the last good configuration keeps serving", {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
        return;
      }
      options.onCompiled((clock.now() - startedMs) / 1000);
      const awaited = [...next.unjudged, ...next.late];
      if (awaited.length === 0) {
        awaitedSinceMs = undefined;
        cancelPatience();
      } else {
        const again = () => {
          if (isStopped) return;
          mustCompile = true;
          changedAtMs = Math.min(since, changedAtMs ?? since);
          cancel?.();
          cancel = schedule(0);
        };
        if (awaitedSinceMs === undefined) {
          awaitedSinceMs = startedMs;
          cancelPatience = clock.setTimer(patienceMs, again);
        }
        void verdicts.ask(awaited).then(again);
      }
      if (next.unjudged.length === 0) {
        judged = next.judged;
        inForce = judged.effective;
        live = { resources: current, problems: judged.problems, versions: options.versions?.() ?? new Map() };
        quarantine?.judged(judged);
        options.onJudged(judged);
      }
    }
    // While Envoy is asked, what was judged before goes on, and its endpoints come and go.
    if (judged === undefined) return;
    const { compiled } = judged;
    const awaitedMs = options.consul?.awaitedMs() ?? 0;
    if (awaitedMs > 0) {
      // Routes to a service that is new would meet a cluster without endpoints.
      changedAtMs = since;
      cancel = schedule(Math.min(awaitedMs, AWAITING_MS));
      return;
    }
    const next: Snapshot = {
      ...compiled.snapshot,
      endpoint: discover(compiled.endpoints, current, options.consul?.endpoints()),
    };
    const isNews = snapshot === undefined || !sameSnapshot(snapshot, next);
    if (live !== undefined) options.onComplete?.(live, isNews);
    if (isNews) {
      snapshot = next;
      options.onSnapshot(next, since);
    } else quarantine?.unchanged();
    const endedMs = clock.now();
    restUntilMs = endedMs + (endedMs - startedMs);
  };

  const schedule = (delayMs: number): (() => void) => {
    if (delayMs > 0) return clock.setTimer(delayMs, run);
    // After the events that arrived together; a timer would cost a millisecond.
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  };

  const changed = (endpointsOnly = false): void => {
    if (!endpointsOnly) mustCompile = true;
    changedAtMs ??= clock.now();
    cancel ??= schedule(restUntilMs - clock.now());
  };
  const endAsking = verdicts.keepAsking(() => changed());

  return {
    changed,
    sourceMap: () => judged?.compiled.sourceMap ?? sourceMap(emptyIr, []),
    stop() {
      isStopped = true;
      endAsking();
      cancelPatience();
      cancel?.();
      cancel = () => undefined;
    },
  };
}

function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  return (Object.keys(b) as (keyof Snapshot)[]).every((type) => a[type] === b[type]);
}
