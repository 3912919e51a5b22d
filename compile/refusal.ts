/** What is known of an object's content from outside of the compile: Envoy, or who asks one, has refused what was made of it. */
import { createHash } from "node:crypto";
import type { AnyResource, Resources } from "../crds/resources.ts";
import { memoByKey, memoForever } from "../ir/memo.ts";
import { formatObject, type ObjectRef, type Problem, toldOf } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";
import { fields, findResource, placeOf } from "./store.ts";
import { groupBy } from "../ir/group-by.ts";

/**
 * An object that is bad in this very content, though nothing is wrong with it as far as the compiler can see. When the object
 * changes, it is judged anew: then this says nothing of it any more.
 */
export interface Refusal extends Pick<Problem, "code" | "path" | "message" | "advice"> {
  readonly object: Pick<ObjectRef, "kind" | "namespace" | "name">;
  /** `contentOf` the refused object. */
  readonly content: string;
  /** What serves in its place; undefined: its last form in force, if it had another one. */
  readonly instead?: AnyResource | undefined;
  /** It has not been found guilty, and is judged anew by itself: one of several of which one is bad, or Envoy has not answered. */
  readonly isHeld?: boolean;
}

/**
 * A hash of what an object says: equal in every process, and another one whenever its author changes anything, an annotation
 * too. Not of Secrets, whose content no hash is to tell of.
 */
export const contentOf = memoForever((resource: AnyResource): string => {
  const { kind, labels, annotations, spec } = resource;
  const said = kind === "Secret" ? [] : [kind, labels, annotations, spec];
  return createHash("sha256").update(JSON.stringify(said, sorted)).digest("hex").slice(0, 32);
});

/** The order of keys is not content: an API server and a file have each their own. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A refused object, as asked for. */
export interface Refused {
  readonly resource: AnyResource;
  readonly refusals: readonly Refusal[];
  /** Its last good form, or the object as one with errors. */
  readonly standIn: AnyResource;
}

/** The objects of which the refusals still speak. */
export function refusedAmong(
  asked: Resources,
  refusals: readonly Refusal[],
  inForce: Resources | undefined,
): readonly Refused[] {
  const byResource = new Map<AnyResource, Refusal[]>();
  for (const refusal of refusals) {
    const resource = findNamed(asked, refusal.object);
    if (resource === undefined || contentOf(resource) !== refusal.content) continue;
    const known = byResource.get(resource);
    if (known === undefined) byResource.set(resource, [refusal]);
    else known.push(refusal);
  }
  return [...byResource].map(([resource, ofIt]) => {
    const form = inForce === undefined ? undefined : findNamed(inForce, resource);
    return { resource, refusals: ofIt, standIn: goodForm(resource, form, refusals) ?? spoilt(resource, ofIt) };
  });
}

/**
 * What may serve in place of an object: its form that was in force, or if that is refused too, what the refusal says.
 * @param form the one in force
 */
export function goodForm(
  object: Refusal["object"],
  form: AnyResource | undefined,
  refusals: readonly Refusal[],
): AnyResource | undefined {
  const ofIt = byObject(refusals).get(formatObject(object)) ?? [];
  const isGood = (each: AnyResource) => ofIt.every(({ content }) => content !== contentOf(each));
  if (form !== undefined && isGood(form)) return form;
  return ofIt.map(({ instead }) => instead).find((instead) => instead !== undefined && isGood(instead));
}

/** Thousands may be refused: each is looked for among its own. */
const byObject = memoForever(
  (refusals: readonly Refusal[]): ReadonlyMap<string, readonly Refusal[]> =>
    groupBy(refusals, ({ object }) => formatObject(object)),
);

export function withStandIns(asked: Resources, refused: readonly Refused[]): Resources {
  const lists: Partial<Record<keyof Resources, AnyResource[]>> = {};
  for (const { resource, standIn } of refused) {
    const field = fields[resource.kind];
    const list = (lists[field] ??= [...asked[field]]);
    list[placeOf(list, keyOf(resource))] = standIn;
  }
  return { ...asked, ...(lists as Partial<Resources>) };
}

/** What the refusals say of an object. */
export function problemsOf({ resource, refusals }: Omit<Refused, "standIn">): readonly Problem[] {
  return refusals.map((refusal) => toldOf(asProblem(resource, refusal)));
}

function asProblem(object: ObjectRef, { code, path, message, advice }: Refusal): Problem {
  return { code, severity: "error", object, path, message, advice };
}

/** With an error among its problems it is to the compile like an object that cannot be read: what it was to protect is not let through. */
const spoilt = memoByKey((resource: AnyResource, refusals: readonly unknown[]): AnyResource => {
  const problems = (refusals as readonly Refusal[]).map((refusal) => asProblem(resource, refusal));
  return Object.freeze({ ...resource, problems: Object.freeze([...resource.problems, ...problems]) });
});

function findNamed(resources: Resources, { kind, namespace, name }: Refusal["object"]): AnyResource | undefined {
  return Object.hasOwn(fields, kind)
    ? findResource(resources, { kind: kind as AnyResource["kind"], namespace, name })
    : undefined;
}
