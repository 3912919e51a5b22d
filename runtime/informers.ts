/** Feeds a store from a Kubernetes API server: for each kind a complete list, then each change in order, for as long as we run.
 *  Whatever goes wrong (the API server away, a CRD missing, rights lacking) is said once and waited for, and the sink keeps what it has. */

import { setMaxListeners } from "node:events";
import type { KubeConfig } from "@kubernetes/client-node";
import { createApi } from "./informers/api.ts";
import { follow } from "./informers/follow.ts";
import type { FollowTiming, KindState } from "./informers/follow.ts";
import { resourceOf } from "./informers/kind.ts";
import type { Selection, WatchedKind } from "./informers/kind.ts";
import { mirror } from "./informers/mirror.ts";
import type { Sink } from "./informers/mirror.ts";
import { notice } from "./informers/notice.ts";
import type { RawObject } from "./informers/raw.ts";
import { reachability } from "./informers/reachability.ts";
import { createReflector } from "./informers/reflector.ts";
import type { Outcome, ReflectorTiming } from "./informers/reflector.ts";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

export interface InformerTiming extends ReflectorTiming, FollowTiming {}

export const defaultTiming: InformerTiming = {
  pageSize: 500,
  watchMs: 300_000,
  watchGraceMs: 15_000,
  quietMs: 90_000,
  answerWithinMs: 60_000,
  healthyAfterMs: 5_000,
  keepAfterCrdMs: 300_000,
  backOff: { minMs: 100, maxMs: 5_000 },
  probeMaxMs: 1_000,
  absentMaxMs: 2_000,
  sayAfterMs: 1_000,
};

export interface InformerOptions<T> extends Selection {
  readonly kubeConfig: KubeConfig;
  readonly kinds: readonly WatchedKind[];
  /** Called page by page, so that a large cluster's JSON is never in memory as a whole. Must not throw. */
  readonly parse: (raw: RawObject, kind: WatchedKind) => T;
  readonly sink: Sink<T>;
  readonly log: Log;
  /** Its abort ends everything at once: the sink is not called again, no timer or socket stays. */
  readonly signal: AbortSignal;
  /** Called once, when the sink has the complete list of every kind; an optional one counts too when its CRD is missing or RBAC
   *  does not let us see it. */
  readonly onSynced: () => void;
  readonly onState: (kind: WatchedKind, state: KindState) => void;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly timing?: Partial<InformerTiming>;
}

export interface Informers {
  /** Resolves when all has ended after an abort; never rejects. */
  readonly stopped: Promise<void>;
}

export function startInformers<T>(options: InformerOptions<T>): Informers {
  const {
    kubeConfig,
    kinds,
    parse,
    sink,
    log,
    signal,
    onSynced,
    onState,
    clock = systemClock,
    random = Math.random,
  } = options;
  const selection: Selection = options;
  // One listener per kind and request: Node's warning is about leaks, and this is none.
  setMaxListeners(0, signal);
  const timing: InformerTiming = { ...defaultTiming, ...options.timing };
  const api = createApi(kubeConfig);
  const reach = reachability({ server: api.server, log, now: clock.now });
  const unsettled = new Set(kinds);

  function settle(kind: WatchedKind): void {
    if (unsettled.delete(kind) && unsettled.size === 0) onSynced();
  }

  async function run(kind: WatchedKind): Promise<void> {
    let state: KindState = { phase: "starting" };
    let listed = false;
    const said = notice(log);
    const target = mirror({ kind, parse, sink, log });

    function setState(next: KindState): void {
      if (isSameState(state, next)) return;
      state = next;
      onState(kind, next);
    }

    function onOutcome({ kind: outcome }: Outcome): void {
      listed ||= outcome === "listed";
      const cannotBeSeen = outcome === "absent" || outcome === "refused";
      if (outcome === "listed" || (kind.optional === true && cannotBeSeen)) settle(kind);
    }

    function onLive(): void {
      said.clear(`${resourceOf(kind)} is watched now`);
      setState({ phase: "live" });
    }

    const common = { kind, selection, log, signal, clock, random, timing };
    const reflector = createReflector({ ...common, api, mirror: target, onAnswer: reach.up, onLive });
    const held = (): number | undefined => (listed ? target.size() : undefined);
    await follow({ ...common, reflector, held, reachability: reach, notice: said, onOutcome, onState: setState });
  }

  async function runAll(): Promise<void> {
    await Promise.all(kinds.map(run));
    if (kinds.length === 0) onSynced();
  }

  signal.addEventListener("abort", api.close, { once: true });
  return { stopped: runAll() };
}

function isSameState(a: KindState, b: KindState): boolean {
  if (a.phase !== "waiting" || b.phase !== "waiting") return a.phase === b.phase;
  return a.reason === b.reason && a.message === b.message;
}
