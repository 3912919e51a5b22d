/**
 * Who is to blame for what Envoy refused. Where the resource leads to one changed object, that one is refused; otherwise the
 * objects that changed since the last acknowledged configuration are searched by halves: some go in their new form, the rest
 * serve on in the form that Envoy has taken. A search that takes long is ended with groups that are held back as a whole, and
 * tried again later, some at a time: each time somebody is found guilty or innocent, so that in the end all are. A pure state
 * machine: it is told what came of each configuration, and says what of the next one may go.
 */
import type { AnyResource, Resources } from "../crds/resources.ts";
import { diffLists } from "../ir/aligned.ts";
import { formatObject, type ObjectRef, type PathStep, type Problem } from "../ir/problem.ts";
import { hasError, keyOf } from "../ir/resource.ts";
import { dialectKinds } from "../sources/getambassador/selection.ts";
import { contentOf, type Refusal } from "./refusal.ts";

/** A resource that Envoy refused, and where it comes from. */
export interface RefusedPart extends Pick<Problem, "message" | "advice"> {
  readonly type: string;
  readonly name: string;
  /** Envoy serves an earlier version of it. */
  readonly keeps: boolean;
  readonly sources: readonly { readonly object: ObjectRef; readonly path: readonly PathStep[] }[];
  /** It comes from all objects of the gateway, or nobody knows from which. */
  readonly isShared: boolean;
  /** Envoy's surroundings are the reason, such as a port that another process has: no object is to blame. */
  readonly isOutside: boolean;
}

/** What came of a configuration. */
export interface Outcome {
  /** What users want by now. */
  readonly asked: Resources;
  /** What the configuration was made of. */
  readonly effective: Resources;
  readonly refused: readonly RefusedPart[];
}

interface Search {
  /** So many of the changed objects go, the first ones; Infinity: all. */
  readonly admitted: number;
  /** Among the first so many is one to blame. */
  readonly window: number;
  readonly tries: number;
  /** Groups up to this size are not divided any more. */
  readonly grain: number;
}

const start = { tries: 0, grain: 1 } as const;

interface Suspicion {
  readonly refusal: Refusal;
  readonly part: string;
}

export interface Trial {
  /** What Envoy has taken as a whole; undefined: nothing yet. */
  readonly proven: Resources | undefined;
  /** Last good forms that an earlier process has kept. */
  readonly restored: readonly AnyResource[];
  readonly refusals: readonly Refusal[];
  readonly search: Search | undefined;
  /** Refused by what their resource is named after, and not yet proven by its passing without them. */
  readonly suspicions: readonly Suspicion[];
  /** Parts that no object is to blame for, until Envoy takes them again. */
  readonly resigned: ReadonlySet<string>;
}

const nothing: ReadonlySet<string> = new Set();
export const noTrial: Trial = {
  proven: undefined,
  restored: [],
  refusals: [],
  search: undefined,
  suspicions: [],
  resigned: nothing,
};

/** Twice the halvings of 100,000 objects, for a few culprits. */
const MAX_TRIES = 100;
/** What is not judged by then is, in groups of this part of it. */
const MOST_GROUPS = 32;
/** So many of those that are held back are tried again at a time: each of them found guilty would need about half of the tries. */
const MOST_RETRIED = 64;

/** What protects and what is named goes before what needs it: a Mapping that comes with its AuthService is never open. */
const late = ["tlsContexts", "listeners", "hosts", "tcpMappings", "mappings"] as const;
const order: readonly (keyof Resources)[] = [
  ...dialectKinds.filter((kind) => !(late as readonly string[]).includes(kind)),
  ...late,
];

/** What was asked for, with the form that Envoy has taken in place of what must wait; the same while nothing is searched. */
export function admit({ proven, search, refusals }: Trial, asked: Resources): Resources {
  if (search === undefined || search.admitted === Infinity) return asked;
  const waiting = new Set(changed(asked, proven, refusals).slice(search.admitted));
  if (waiting.size === 0) return asked;
  const lists: Partial<Record<keyof Resources, readonly AnyResource[]>> = {};
  for (const field of order) {
    const list: readonly AnyResource[] = asked[field];
    if (!list.some((each) => waiting.has(each))) continue;
    const before = byKey(proven?.[field] ?? []);
    lists[field] = list.flatMap((each) => (waiting.has(each) ? (before.get(keyOf(each)) ?? []) : [each]));
  }
  return { ...asked, ...(lists as Partial<Resources>) };
}

/** Whether there is something to be searched: then a next configuration is due. */
export function isSearching({ search }: Trial): boolean {
  return search !== undefined;
}

/** Whether somebody is held back without having been found guilty. */
export function isHolding({ refusals }: Trial): boolean {
  return refusals.some(({ isHeld }) => isHeld);
}

/** Some of those that are held back are tried again, while nothing else is searched. */
export function retry(trial: Trial): Trial {
  if (isSearching(trial)) return trial;
  const some = new Set(trial.refusals.filter(({ isHeld }) => isHeld).slice(0, MOST_RETRIED));
  if (some.size === 0) return trial;
  const refusals = trial.refusals.filter((refusal) => !some.has(refusal));
  return { ...trial, refusals, search: { ...start, admitted: some.size, window: some.size } };
}

/** Forgets what is said of contents that nobody asks for any more. */
export function withStanding(trial: Trial, standing: ReadonlySet<Refusal>): Trial {
  const refusals = trial.refusals.filter((refusal) => standing.has(refusal));
  return refusals.length === trial.refusals.length ? trial : { ...trial, refusals };
}

/** What follows from the outcome of the newest configuration. */
export function next(trial: Trial, outcome: Outcome): Trial {
  const known = outcome.refused.filter((part) => trial.resigned.has(nameOf(part)));
  const open = outcome.refused.filter((part) => !known.includes(part));
  const resigned = known.length === 0 ? nothing : new Set(known.map(nameOf));
  return open.length === 0
    ? passed({ ...trial, resigned }, outcome)
    : failed({ ...trial, resigned }, { ...outcome, refused: open });
}

function passed(trial: Trial, { effective }: Outcome): Trial {
  return { ...trial, proven: effective, suspicions: [], search: narrowed(trial.search) };
}

function narrowed(search: Search | undefined): Search | undefined {
  if (search === undefined || search.admitted === Infinity) return undefined;
  const window = search.window - search.admitted;
  // Whoever was to blame has changed meanwhile.
  if (window <= 0) return { ...search, admitted: Infinity };
  return { ...search, window, admitted: Math.ceil(window / 2) };
}

function failed(trial: Trial, outcome: Outcome): Trial {
  const { proven, search, suspicions, refusals } = trial;
  const { effective, refused } = outcome;
  if (refused.every(({ isOutside }) => isOutside)) return resign(trial, outcome);
  const candidates = changed(effective, proven, refusals);
  if (search !== undefined) return searched(trial, outcome, candidates);
  // Envoy serves what an earlier control plane has given it, and we do not know what that was: to try would cost requests.
  if (proven === undefined && refused.some(({ keeps }) => keeps)) return resign(trial, outcome);
  const parts = new Set(refused.map(nameOf));
  const wrong = new Set(suspicions.filter(({ part }) => parts.has(part)).map(({ refusal }) => refusal));
  if (wrong.size > 0) {
    const cleared = { ...trial, refusals: refusals.filter((refusal) => !wrong.has(refusal)), suspicions: [] };
    return { ...cleared, search: { ...start, admitted: 0, window: candidates.length + wrong.size } };
  }
  const found = suspects(trial, refused, candidates);
  if (found.length > 0)
    return { ...trial, suspicions: found, refusals: [...refusals, ...new Set(found.map(({ refusal }) => refusal))] };
  if (candidates.length === 0) return resign(trial, outcome);
  return { ...trial, search: { ...start, admitted: 0, window: candidates.length } };
}

function searched(trial: Trial, outcome: Outcome, candidates: readonly AnyResource[]): Trial {
  const { search = { ...start, admitted: 0, window: 0 }, proven, refusals } = trial;
  const tries = search.tries + 1;
  const [first] = candidates;
  // What Envoy has taken before it does not take any more: it is not for the objects.
  if (search.admitted === 0 || first === undefined) return resign(trial, outcome);
  const [part] = outcome.refused as [RefusedPart];
  const grain =
    tries === MAX_TRIES ? Math.ceil(changed(outcome.asked, proven, refusals).length / MOST_GROUPS) : search.grain;
  const others = { admitted: Infinity, window: Infinity, tries, grain };
  if (candidates.length === 1)
    return { ...trial, refusals: [...refusals, refusalOf(first, trial, part)], search: others };
  if (candidates.length <= grain) {
    const message = `is held back with others, of which one is what Envoy refuses, and is tried again (${part.message})`;
    const held = candidates.map((each) => ({ ...refusalOf(each, trial, { ...part, message }), isHeld: true }));
    return { ...trial, refusals: [...refusals, ...held], search: others };
  }
  const window = candidates.length;
  return { ...trial, search: { admitted: Math.ceil(window / 2), window, tries, grain } };
}

function resign(trial: Trial, { effective, refused }: Outcome): Trial {
  return {
    ...trial,
    // With something refused for good, later changes are to be judged by what is beside it.
    proven: trial.proven ?? effective,
    search: undefined,
    suspicions: [],
    resigned: new Set([...trial.resigned, ...refused.map(nameOf)]),
  };
}

/** The one changed object that a part comes from, where it is one. */
function suspects(
  trial: Trial,
  refused: readonly RefusedPart[],
  candidates: readonly AnyResource[],
): readonly Suspicion[] {
  const byName = new Map(candidates.map((each) => [formatObject(each), each]));
  const blamed = new Map<AnyResource, Refusal>();
  return refused.flatMap((part) => {
    if (part.isOutside) return [];
    const named = new Set(part.sources.flatMap(({ object }) => byName.get(formatObject(object)) ?? []));
    const [only] = part.isShared || named.size === 0 ? (candidates.length === 1 ? candidates : []) : [...named];
    if (only === undefined || named.size > 1) return [];
    const refusal = blamed.get(only) ?? refusalOf(only, trial, part);
    blamed.set(only, refusal);
    return [{ refusal, part: nameOf(part) }];
  });
}

function refusalOf(
  object: AnyResource,
  { proven, restored }: Trial,
  { sources, message, advice }: RefusedPart,
): Refusal {
  const field = order.find((each) => proven?.[each][0]?.kind === object.kind);
  const before: readonly AnyResource[] = field === undefined ? [] : (proven?.[field] ?? []);
  const path = sources.find((source) => formatObject(source.object) === formatObject(object))?.path ?? [];
  const instead = [...before, ...restored].find((each) => formatObject(each) === formatObject(object));
  return { object, content: contentOf(object), code: "EnvoyRejected", path, message, advice, instead };
}

/** The objects that are new or say something else than what Envoy has taken, but for those that are refused or have errors. */
function changed(now: Resources, proven: Resources | undefined, refusals: readonly Refusal[]): readonly AnyResource[] {
  const refused = new Set(refusals.map(({ object, content }) => `${formatObject(object)} ${content}`));
  return order.flatMap((field) => {
    const { removed, added } = diffLists<AnyResource>(proven?.[field] ?? [], now[field]);
    const before = byKey(removed);
    return added.filter((each) => {
      if (hasError(each) || refused.has(`${formatObject(each)} ${contentOf(each)}`)) return false;
      const known = before.get(keyOf(each));
      return known === undefined || contentOf(known) !== contentOf(each);
    });
  });
}

function byKey(list: readonly AnyResource[]): ReadonlyMap<string, AnyResource> {
  return new Map(list.map((each) => [keyOf(each), each]));
}

function nameOf({ type, name }: RefusedPart): string {
  return `${type} ${name}`;
}
