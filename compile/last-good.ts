import type { AnyResource, Resources, SecretResource } from "../crds/resources.ts";
import { type ObjectRef, type Problem, type ProblemCode, subjectsOf } from "../ir/problem.ts";
import { memoForever } from "../ir/memo.ts";
import { hasError, keyOf } from "../ir/resource.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { authorityOf, certificateOf, revocationsOf } from "../sources/getambassador/certificate.ts";
import { dialectKinds } from "../sources/getambassador/selection.ts";
import type { Compiled, SteppedCompiler } from "./compile.ts";
import type { Expansion } from "./expand.ts";
import { goodForm, problemsOf, type Refusal, refusedAmong, withStandIns } from "./refusal.ts";
import { placeOf, withResource } from "./store.ts";

export interface Judged {
  readonly compiled: Compiled;
  /** Of what was asked for, and of what serves in its place. */
  readonly problems: readonly Problem[];
  /** Objects, as asked for, in whose place their last good version serves, or that of their Secret. */
  readonly kept: ReadonlySet<ObjectRef>;
  /** What is in force: for an object with an error its last version that had none. */
  readonly effective: Resources;
  /** Every object that something is wrong with, and that so is not in force as it is asked for. */
  readonly quarantined: readonly Quarantined[];
}

export interface Quarantined {
  readonly object: ObjectRef;
  /** Its last good form, or the object itself where that of its Secret is enough; undefined: nothing, it never was in force. */
  readonly serving: AnyResource | undefined;
  /** What was said of it from outside; none where the compile itself found errors. */
  readonly refusals: readonly Refusal[];
}

const nobody: readonly Quarantined[] = [];
const noRefusals: readonly Refusal[] = [];

type Kinds = (keyof Resources)[];

/** Kinds whose objects are replaced. A broken Secret is its referrer's problem, and is replaced all the same: a rotation that
 *  went wrong must not end TLS. */
const replaceable: Kinds = [...dialectKinds, "secrets"];

const none: ReadonlySet<ObjectRef> = new Set();

/**
 * Compiles, and lets an object that an error or a refusal has made unusable serve on in the last form that was in force.
 * @param inForce what the last judgement called effective
 * @param refusals what is known from outside; those of objects that have changed since do nothing
 */
export function judge(
  compile: SteppedCompiler,
  resources: Resources,
  settings: CompileSettings,
  inForce: Resources | undefined,
  refusals: readonly Refusal[] = noRefusals,
): Judged {
  if (refusals.length === 0) return judgeExpanded(compile, resources, settings, { inForce, refusals });
  const expansion = compile.expand(resources, settings);
  const refused = refusedAmong(expansion.resources, refusals, inForce);
  const accepted = { ...expansion, resources: withStandIns(expansion.resources, refused) };
  const judged = judgeExpanded(compile, accepted, settings, { inForce, refusals });
  if (refused.length === 0) return judged;
  // Of an object that nothing stands in for, the compile has told what was refused.
  const served = refused.filter(({ standIn }) => !hasError(standIn));
  const servedNames = new Set(served.map(({ resource }) => nameOf(resource)));
  const unserved = new Map(refused.map((each) => [nameOf(each.resource), each]));
  const others = judged.quarantined
    .filter(({ object }) => !servedNames.has(nameOf(object)))
    .map((each) => {
      const known = unserved.get(nameOf(each.object));
      return known === undefined ? each : { ...each, object: known.resource, refusals: known.refusals };
    });
  return {
    ...judged,
    problems: [...served.flatMap(problemsOf), ...judged.problems],
    kept: new Set([...judged.kept, ...served.map(({ resource }) => resource)]),
    quarantined: [
      ...served.map(({ resource, standIn, refusals: ofIt }) => ({
        object: resource,
        serving: standIn,
        refusals: ofIt,
      })),
      ...others,
    ],
  };
}

interface Known {
  readonly inForce: Resources | undefined;
  readonly refusals: readonly Refusal[];
}

function judgeExpanded(
  compile: SteppedCompiler,
  input: Resources | Expansion,
  settings: CompileSettings,
  known: Known,
): Judged {
  const { inForce } = known;
  const compiled = compile(input, settings);
  const asked = compiled.expansion.resources;
  const bad = badObjects(asked, compiled.problems);
  for (const secret of spoiltSecrets(asked, compiled.problems, inForce)) bad.add(secret);
  const lost = lostObjects(compiled.expansion, inForce);
  if (bad.size === 0 && lost.length === 0)
    return { compiled, problems: compiled.problems, kept: none, effective: asked, quarantined: nobody };
  const replaced = replaceAll(asked, bad, known, lost);
  if (replaced === undefined) {
    const quarantined = [...bad].map((object) => ({ object, serving: undefined, refusals: noRefusals }));
    return { compiled, problems: compiled.problems, kept: none, effective: without(asked, bad), quarantined };
  }
  const again = compile({ ...compiled.expansion, resources: replaced.resources }, settings);
  // What is wrong with an object comes from what was asked for; what follows for others, from what serves in its place.
  const badKeys = new Set([...bad].map(nameOf));
  const isOfBad = (problem: Problem) => subjectsOf(problem).some((object) => badKeys.has(nameOf(object)));
  const problems = [...compiled.problems.filter(isOfBad), ...again.problems.filter((problem) => !isOfBad(problem))];
  // With its last good Secret a Host has no error any more, and serves on.
  const named = namedInErrors(again.problems);
  const stillBad = new Set([...bad].filter((resource) => isBad(resource, named)));
  const kept = new Set([...replaced.kept, ...[...bad].filter((resource) => !stillBad.has(resource))]);
  const effective = without(replaced.resources, stillBad);
  const quarantined = [
    ...[...bad].map((object) => {
      const field = fieldOf(effective, object.kind);
      const serving = field === undefined ? undefined : find(effective[field], keyOf(object));
      return { object, serving, refusals: noRefusals };
    }),
    ...lost.map((serving) => ({ object: lostOf(serving), serving, refusals: noRefusals })),
  ];
  return { compiled: again, problems, kept, effective, quarantined };
}

function nameOf(object: ObjectRef): string {
  return `${object.kind} ${keyOf(object)}`;
}

function subjectsOfErrors(problems: readonly Problem[]): readonly ObjectRef[] {
  return problems.flatMap((problem) => (problem.severity === "error" ? subjectsOf(problem) : []));
}

function namedInErrors(problems: readonly Problem[]): ReadonlySet<string> {
  const named = new Set<string>();
  for (const object of subjectsOfErrors(problems)) named.add(nameOf(object));
  return named;
}

function isBad(resource: AnyResource, named: ReadonlySet<string>): boolean {
  return hasError(resource) || named.has(nameOf(resource));
}

/** Objects that an error makes unusable. */
function badObjects(resources: Resources, problems: readonly Problem[]): Set<AnyResource> {
  const bad = new Set<AnyResource>();
  for (const object of subjectsOfErrors(problems)) {
    const field = fieldOf(resources, object.kind);
    const found = field === undefined ? undefined : find(resources[field], keyOf(object));
    if (found !== undefined) bad.add(found);
  }
  return bad;
}

/** Where the objects of a kind stand, if it is one whose objects are replaced and there are any. */
function fieldOf(resources: Resources, kind: string): keyof Resources | undefined {
  return replaceable.find((field) => resources[field][0]?.kind === kind);
}
const spoils: ReadonlySet<ProblemCode> = new Set(["InvalidSecret", "FileUnreadable"]);

/** Secrets that held a certificate, or authorities, and do not any more. */
function spoiltSecrets(
  { secrets }: Resources,
  problems: readonly Problem[],
  inForce: Resources | undefined,
): readonly SecretResource[] {
  if (inForce === undefined || !problems.some(({ code }) => spoils.has(code))) return [];
  return secrets.filter((secret) => {
    const before = find(inForce.secrets, keyOf(secret)) as SecretResource | undefined;
    if (before === undefined || before === secret) return false;
    return [certificateOf, authorityOf, revocationsOf].some((judged) => judged(before).ok && !judged(secret).ok);
  });
}

function find(list: readonly AnyResource[], key: string): AnyResource | undefined {
  return list[placeOf(list, key)];
}

/** What was asked for where that is not known any more. */
const lostOf = memoForever(({ kind, namespace, name, within }: AnyResource): ObjectRef => {
  return { kind, namespace, name, within };
});

interface Replaced {
  readonly resources: Resources;
  /** What last good versions stand in for. */
  readonly kept: ReadonlySet<ObjectRef>;
}

/** What stood in force within objects of which a part cannot be read any more, and is not shown by the rest. */
function lostObjects({ resources, unreadable }: Expansion, inForce: Resources | undefined): readonly AnyResource[] {
  if (inForce === undefined || unreadable.size === 0) return [];
  const bearers = new Set([...unreadable].map(nameOf));
  return replaceable.flatMap((kind) =>
    (inForce[kind] as readonly AnyResource[]).filter(
      (resource) =>
        resource.within !== undefined &&
        bearers.has(nameOf(resource.within.object)) &&
        find(resources[kind] as readonly AnyResource[], keyOf(resource)) === undefined,
    ),
  );
}

function replaceAll(
  asked: Resources,
  bad: ReadonlySet<AnyResource>,
  { inForce, refusals }: Known,
  lost: readonly AnyResource[],
): Replaced | undefined {
  if (inForce === undefined) return undefined;
  const kept = new Set<ObjectRef>(lost.flatMap(({ within }) => within?.object ?? []));
  const resources = lost.reduce(withResource, asked);
  const edited = editLists(resources, bad, (list, place, field) => {
    const resource = list[place] as AnyResource;
    const form = find(inForce[field], keyOf(resource));
    const good = refusals.length === 0 ? form : goodForm(resource, form, refusals);
    if (good === undefined || good === resource) return;
    kept.add(resource);
    list[place] = good;
  });
  return kept.size === 0 ? undefined : { resources: edited, kept };
}

/** Without the objects that never were in force: they must not be taken for a last good form. */
function without(resources: Resources, bad: ReadonlySet<AnyResource>): Resources {
  return editLists(resources, bad, (list, place) => list.splice(place, 1));
}

/** Resources with an edit made at the place of each bad object; lists without one stay the very same. */
function editLists(
  resources: Resources,
  bad: ReadonlySet<AnyResource>,
  edit: (list: AnyResource[], place: number, field: keyof Resources) => void,
): Resources {
  const lists: Partial<Record<keyof Resources, AnyResource[]>> = {};
  for (const resource of bad) {
    const field = fieldOf(resources, resource.kind);
    if (field === undefined) continue;
    const list = lists[field] ?? [...resources[field]];
    const place = placeOf(list, keyOf(resource));
    if (list[place] !== resource) continue;
    lists[field] = list;
    edit(list, place, field);
  }
  return { ...resources, ...(lists as Partial<Resources>) };
}
