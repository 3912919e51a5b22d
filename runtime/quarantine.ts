/** Makes of what Envoy refuses what is to be compiled next, until all but the objects that are to blame is in force. */
import type { Compiler, SteppedCompiler } from "../compile/compile.ts";
import type { Judged } from "../compile/last-good.ts";
import type { Refusal } from "../compile/refusal.ts";
import { admit, isSearching, next, noTrial, type Trial, withStanding } from "../compile/trial.ts";
import type { AnyResource, Resources } from "../crds/resources.ts";
import { memoLast } from "../ir/memo.ts";
import type { StandingResource } from "../xds/order/stream.ts";
import type { Snapshot } from "../xds/snapshot.ts";
import { partOf } from "./rejections.ts";

export interface QuarantineOptions {
  /** What earlier processes knew of objects. */
  readonly restored?: { readonly refusals: readonly Refusal[]; readonly forms: readonly AnyResource[] };
  /** What is to be compiled is another by now. */
  readonly onChange: () => void;
}

export interface Quarantine {
  refusals(): readonly Refusal[];
  /** More of them, from elsewhere: they do nothing to objects that say something else. */
  learn(refusals: readonly Refusal[]): void;
  /** The compiler, with earlier forms of what must not go yet. */
  over(compile: SteppedCompiler): SteppedCompiler;
  judged(judged: Judged): void;
  /** The snapshot of what was judged last goes to Envoy. */
  published(snapshot: Snapshot): void;
  /** What was judged last is to Envoy what was published before. */
  unchanged(): void;
  acknowledged(snapshot: Snapshot, refused: readonly StandingResource[]): void;
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

export function createQuarantine({ restored, onChange }: QuarantineOptions): Quarantine {
  let trial: Trial = {
    ...noTrial,
    ...(restored === undefined ? {} : { refusals: restored.refusals, restored: restored.forms }),
  };
  let asked: Resources | undefined;
  let latest: Judged | undefined;
  let given: Given | undefined;
  let isDue = false;

  function conclude({ judged, refused }: Given): void {
    if (refused === undefined) return;
    const before = trial;
    const parts = refused.map((each) => partOf(each, judged.compiled.sourceMap));
    trial = next(trial, { asked: asked ?? judged.effective, effective: judged.effective, refused: parts });
    if (trial.search === before.search && trial.refusals === before.refusals) return;
    isDue = true;
    onChange();
  }

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
    learn(refusals) {
      const known = new Set(trial.refusals.map(nameOf));
      const more = refusals.filter((refusal) => !known.has(nameOf(refusal)));
      if (more.length === 0) return;
      trial = { ...trial, refusals: [...trial.refusals, ...more] };
      onChange();
    },
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
      isDue = false;
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
    isAtWork: () => isDue || isSearching(trial),
    withProven: (inForce) =>
      inForce === undefined || trial.proven === undefined ? inForce : both(inForce, trial.proven),
  };
}

function together<T>(one: readonly T[], other: readonly T[]): readonly T[] {
  return one === other ? one : [...new Set([...one, ...other])];
}

function nameOf({ object, content }: Refusal): string {
  return `${object.kind} ${object.namespace}/${object.name} ${content}`;
}
