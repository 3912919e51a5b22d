/** Makes of what Envoy refuses what is to be compiled next, until all but the objects that are to blame is in force. */
import type { Compiler, SteppedCompiler } from "../../compile/compile.ts";
import type { Judged } from "../../compile/last-good.ts";
import type { Refusal } from "../../compile/refusal.ts";
import { admit, isHolding, isSearching, next, noTrial, retry, type Trial, withStanding } from "../../compile/trial.ts";
import type { Remembered } from "../../compile/record.ts";
import { type AnyResource, type Resources, sortResources } from "../../crds/resources.ts";
import { memoLast } from "../../ir/memo.ts";
import type { StandingResource } from "../../xds/order/stream.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import type { Clock } from "../clock.ts";
import { partOf } from "../rejections.ts";

export interface QuarantineOptions {
  /** What is to be compiled is another by now. */
  readonly onChange: () => void;
  readonly clock: Clock;
  /** After it nothing is tried any more. Default: never. */
  readonly signal?: AbortSignal;
}

/** So long after a search that took too long it goes on with some of those that it held back: others' changes have their turn. */
const RETRY_MS = 5000;

export interface Quarantine {
  refusals(): readonly Refusal[];
  /** What earlier processes and other replicas knew. Of objects that say something else by now it means nothing. */
  remember(known: readonly Remembered[]): void;
  /** Last good forms that were remembered: what is in force before anything was compiled. */
  restored(): Resources | undefined;
  /** The compiler, with earlier forms of what must not go yet. */
  over(compile: SteppedCompiler): SteppedCompiler;
  judged(judged: Judged): void;
  /** The snapshot of what was judged last goes to Envoy. */
  published(snapshot: Snapshot): void;
  /** What was judged last is to Envoy what was published before. */
  unchanged(): void;
  acknowledged(snapshot: Snapshot, refused: readonly StandingResource[]): void;
  /** Envoy has refused a part, and was given no more yet. @returns whether something else is to come instead */
  halted(snapshot: Snapshot, refused: readonly StandingResource[]): boolean;
  /** Something else than what was published last is to come, because Envoy refused it. */
  isAtWork(): boolean;
  /** What is in force together with what Envoy is known to have taken, for whoever keeps what it names. */
  withProven(inForce: Resources | undefined): Resources | undefined;
}

/** What Envoy was given last. */
interface Given {
  readonly snapshot: Snapshot;
  readonly judged: Judged;
  /** undefined: Envoy has not answered yet. */
  readonly refused: readonly StandingResource[] | undefined;
}

export function createQuarantine({ onChange, clock, signal }: QuarantineOptions): Quarantine {
  let trial: Trial = noTrial;
  let asked: Resources | undefined;
  let latest: Judged | undefined;
  let given: Given | undefined;
  let isDue = false;
  let cancelRetry: (() => void) | undefined;
  signal?.addEventListener("abort", () => cancelRetry?.(), { once: true });

  function retryLater(): void {
    if (!isHolding(trial) || isSearching(trial) || signal?.aborted === true) return;
    cancelRetry ??= clock.setTimer(RETRY_MS, () => {
      cancelRetry = undefined;
      if (isDue) return retryLater();
      trial = retry(trial);
      if (isSearching(trial)) onChange();
    });
  }

  function conclude({ judged, refused }: Given): void {
    if (refused === undefined) return;
    const before = trial;
    isDue = false;
    const parts = refused.map((each) => partOf(each, judged.compiled.sourceMap));
    trial = next(trial, { asked: asked ?? judged.effective, effective: judged.effective, refused: parts });
    retryLater();
    if (trial.search === before.search && trial.refusals === before.refusals) return;
    isDue = true;
    onChange();
  }

  const forms = memoLast((restored: readonly AnyResource[]): Resources | undefined =>
    restored.length === 0 ? undefined : sortResources(restored).value,
  );
  const both = memoLast((inForce: Resources, proven: Resources): Resources => {
    const { hosts, tlsContexts, modules } = proven;
    return {
      ...inForce,
      hosts: together(inForce.hosts, hosts),
      tlsContexts: together(inForce.tlsContexts, tlsContexts),
      modules: together(inForce.modules, modules),
    };
  });

  return {
    refusals: () => trial.refusals,
    remember(known) {
      const names = new Set(trial.refusals.map(nameOf));
      const more = known.flatMap(({ refusals }) => refusals).filter((refusal) => !names.has(nameOf(refusal)));
      const restored = known.flatMap(({ form }) => form ?? []);
      trial = {
        ...trial,
        refusals: more.length === 0 ? trial.refusals : [...trial.refusals, ...more],
        restored,
      };
      if (more.length > 0) onChange();
    },
    restored: () => forms(trial.restored),
    over(compile) {
      asked = undefined;
      if (!isSearching(trial)) return compile;
      const expand: SteppedCompiler["expand"] = (resources, settings) => {
        const expansion = compile.expand(resources, settings);
        asked = expansion.resources;
        return { ...expansion, resources: admit(trial, asked) };
      };
      const later: Compiler = (input, settings) =>
        compile("resources" in input ? input : expand(input, settings), settings);
      return Object.assign(later, { expand });
    },
    judged(judged) {
      latest = judged;
      trial = withStanding(trial, new Set(judged.quarantined.flatMap(({ refusals }) => refusals)));
    },
    published(snapshot) {
      if (latest === undefined) return;
      given = { snapshot, judged: latest, refused: undefined };
    },
    unchanged() {
      if (given === undefined || latest === undefined || given.judged === latest) return;
      given = { ...given, judged: latest };
      conclude(given);
    },
    acknowledged(snapshot, refused) {
      if (given?.snapshot !== snapshot) return;
      // Once more, by an Envoy that has just started: a step is taken once.
      if (given.refused !== undefined && (isSearching(trial) || refused.length === 0)) return;
      given = { ...given, refused };
      conclude(given);
    },
    halted(snapshot, refused) {
      if (given?.snapshot !== snapshot) return true;
      if (refused.every(({ type, name }) => trial.resigned.has(`${type} ${name}`))) return false;
      conclude({ ...given, refused });
      return isDue;
    },
    isAtWork: () => isDue || isSearching(trial),
    withProven(inForce = forms(trial.restored)) {
      return inForce === undefined || trial.proven === undefined ? inForce : both(inForce, trial.proven);
    },
  };
}

function together<T>(one: readonly T[], other: readonly T[]): readonly T[] {
  return one === other ? one : [...new Set([...one, ...other])];
}

function nameOf({ object, content }: Refusal): string {
  return `${object.kind} ${object.namespace}/${object.name} ${content}`;
}
