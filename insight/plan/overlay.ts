/** A state with candidates in it, as the API server would have it once they are applied. */
import { fields } from "../../compile/store.ts";
import type { AnyResource, Resources } from "../../crds/resources.ts";
import { compareText, type ObjectRef, type PathStep } from "../../ir/problem.ts";
import { Redacted } from "../../ir/redacted.ts";
import { hasError, keyOf } from "../../ir/resource.ts";

export interface ObjectChange {
  readonly kind: "added" | "changed" | "removed";
  /** Removed ones as they were. */
  readonly object: ObjectRef;
  /** What differs in a changed one. */
  readonly fields: readonly FieldChange[];
}

export interface FieldChange {
  readonly path: readonly PathStep[];
  readonly before: unknown;
  readonly after: unknown;
}

export interface Overlaid {
  readonly resources: Resources;
  readonly changes: readonly ObjectChange[];
}

export interface Named {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Later than any creationTimestamp. */
const LATEST = "9999-12-31T23:59:59Z";

/**
 * Candidates take the place of objects of their name, whose age and identity they keep; those that say the same leave them as they are.
 * @param prune what is not among the candidates goes
 */
export function overlay(
  state: Resources,
  candidates: Resources,
  { prune, deleted }: { readonly prune: boolean; readonly deleted: readonly Named[] },
): Overlaid {
  const changes: ObjectChange[] = [];
  const gone = new Set(deleted.map((each) => `${each.kind} ${keyOf(each)}`));
  const lists = Object.entries(fields) as [AnyResource["kind"], keyof Resources][];
  const entries = lists.map(([kind, field]) => {
    const before = new Map((state[field] as readonly AnyResource[]).map((each) => [keyOf(each), each]));
    const after = new Map(prune ? [] : before);
    for (const candidate of candidates[field] as readonly AnyResource[]) {
      const was = before.get(keyOf(candidate));
      after.set(keyOf(candidate), was === undefined ? come(candidate, state) : inPlaceOf(was, candidate));
    }
    for (const key of [...after.keys()]) if (gone.has(`${kind} ${key}`)) after.delete(key);
    changes.push(...changesOf(before, after));
    const isSame = before.size === after.size && [...after].every(([key, each]) => before.get(key) === each);
    const sorted = [...after].sort(([a], [b]) => compareText(a, b)).map(([, each]) => each);
    return [field, isSame ? state[field] : sorted] as const;
  });
  return { resources: Object.fromEntries(entries) as unknown as Resources, changes };
}

/** Files have no age: beside objects that do a new one is the youngest. */
function come(candidate: AnyResource, state: Resources): AnyResource {
  const lists: readonly (readonly AnyResource[])[] = Object.values(state);
  const hasAges = lists.some((list) => list.some(({ creationTimestamp }) => creationTimestamp !== ""));
  if (!hasAges || candidate.creationTimestamp !== "") return candidate;
  return Object.freeze({ ...candidate, creationTimestamp: LATEST });
}

function inPlaceOf(was: AnyResource, candidate: AnyResource): AnyResource {
  if (fieldChanges(was, candidate).length === 0) return was;
  const { creationTimestamp, uid } = was;
  return Object.freeze({ ...candidate, creationTimestamp, uid });
}

function changesOf(
  before: ReadonlyMap<string, AnyResource>,
  after: ReadonlyMap<string, AnyResource>,
): readonly ObjectChange[] {
  const changes: ObjectChange[] = [];
  for (const [key, was] of before) {
    const is = after.get(key);
    if (is === undefined) changes.push({ kind: "removed", object: was, fields: [] });
    else if (is !== was) changes.push({ kind: "changed", object: is, fields: toldChanges(was, is) });
  }
  for (const [key, is] of after) if (!before.has(key)) changes.push({ kind: "added", object: is, fields: [] });
  return changes;
}

/** Of an object that cannot be read there is no spec: its problems say what is wrong with it. */
function toldChanges(was: AnyResource, is: AnyResource): readonly FieldChange[] {
  return hasError(was) || hasError(is) ? [] : fieldChanges(was, is);
}

/** What the compiler reads of an object. */
const readParts = ["apiVersion", "labels", "annotations", "spec"] as const;

/** kubectl's note of what was applied, which says again what the rest says. */
const APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

function fieldChanges(was: AnyResource, is: AnyResource): readonly FieldChange[] {
  const found = readParts.flatMap((part) => differences([part], was[part], is[part]));
  return found.filter(({ path }) => path[1] !== APPLIED);
}

/** Of objects within objects the innermost field that differs; lists as a whole. */
function differences(path: readonly PathStep[], before: unknown, after: unknown): readonly FieldChange[] {
  if (isRecord(before) && isRecord(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name) => differences([...path, name], before[name], after[name]));
  }
  return plainText(before) === plainText(after) ? [] : [{ path, before, after }];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Redacted);
}

/** For comparison alone: secrets stand in it. */
function plainText(value: unknown): string | undefined {
  return JSON.stringify(revealed(value));
}

function revealed(value: unknown): unknown {
  if (value instanceof Redacted) return value.reveal();
  if (Array.isArray(value)) return value.map(revealed);
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, revealed(each)]))
    : value;
}
