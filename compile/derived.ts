import type { AnyResource } from "../crds/resources.ts";
import { alignedMap, diffLists, patchSorted } from "../ir/aligned.ts";
import { compareText, type Problem, toldOf } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";

type List = readonly AnyResource[];

export interface Merged {
  /** Sorted by key, no key twice. Keeps its identity while both lists do. */
  readonly list: List;
  readonly problems: readonly Problem[];
}

/**
 * By key; of one key first the object that stands for itself, then by age. A total order.
 * Emissary takes the one that it reads first; here nothing depends on the order of arrival.
 */
function compare(a: AnyResource, b: AnyResource): number {
  return (
    compareText(keyOf(a), keyOf(b)) ||
    Number(a.within !== undefined) - Number(b.within !== undefined) ||
    compareText(a.creationTimestamp, b.creationTimestamp) ||
    compareText(a.within?.place ?? "", b.within?.place ?? "")
  );
}

/** Puts objects that stand within others into the list of their kind. A change costs its place in the list, not a sort. */
export function merger(): (own: List, derived: List) => Merged {
  let lastOwn: List = [];
  let lastDerived: List = [];
  let all: List = [];
  let merged: Merged = { list: [], problems: [] };
  return (own, derived) => {
    if (derived.length === 0) {
      [lastOwn, lastDerived, all] = [[], [], []];
      return { list: own, problems: [] };
    }
    if (own === lastOwn && derived === lastDerived) return merged;
    const ofOwn = diffLists(lastOwn, own);
    const ofDerived = diffLists(lastDerived, derived);
    [lastOwn, lastDerived] = [own, derived];
    const removed = [...ofOwn.removed, ...ofDerived.removed];
    const added = [...ofOwn.added, ...ofDerived.added];
    all = patchSorted(all, { removed, added }, compare);
    merged = withoutDuplicates(all);
    return merged;
  };
}

function withoutDuplicates(all: List): Merged {
  const problems: Problem[] = [];
  let kept: AnyResource | undefined;
  const isFirst = (each: AnyResource): boolean => {
    if (kept?.name !== each.name || kept.namespace !== each.namespace) {
      kept = each;
      return true;
    }
    // The one that is used has the same name, and nothing is wrong with it.
    problems.push({ ...toldOf(duplicate(each, kept)), inner: undefined });
    return false;
  };
  const list = all.filter(isFirst);
  return { list: problems.length === 0 ? all : list, problems };
}

function duplicate(refused: AnyResource, kept: AnyResource): Problem {
  const { kind, namespace, name } = refused;
  const bearer = kept.within?.object;
  const other =
    bearer === undefined
      ? `the ${kind} ${namespace}/${name}`
      : `the one in the ${bearer.kind} ${bearer.namespace}/${bearer.name}`;
  return {
    code: "DuplicateObject",
    severity: "error",
    object: refused,
    path: ["metadata", "name"],
    message: `there are two objects ${kind} ${namespace}/${name}: ${other} is used, this one is not`,
    advice: "rename or remove one of them",
  };
}

/** The results of a list that are there, in its order; the same array while they are the same. */
export function present<In, Out extends object>(
  make: (item: In) => Out | undefined,
): (items: readonly In[]) => readonly Out[] {
  const each = alignedMap(make);
  let last: readonly (Out | undefined)[] | undefined;
  let result: readonly Out[] = [];
  return (items) => {
    const results = each(items);
    if (results === last) return result;
    last = results;
    result = results.filter((one) => one !== undefined);
    return result;
  };
}
