/**
 * Lists that are mostly the same from one run to the next, compared by identity from front to back. Much cheaper than any
 * hash of 10,000 objects: a comparison of two pointers each. The result never depends on what was there before, only its cost.
 */

/** How far to look ahead for the place where two lists go on together again. */
const WINDOW = 16;

/** The place in `earlier` at or after `at` where `item` stands, if it is near; else -1. */
function findNear<T>(earlier: readonly T[], at: number, item: T): number {
  const end = Math.min(earlier.length, at + WINDOW);
  for (let i = at; i < end; i++) if (earlier[i] === item) return i;
  return -1;
}

/** Maps a list with `make`, taking over the results for items that stood in the last list in about the same order. */
export function alignedMap<In, Out>(make: (item: In) => Out): (items: readonly In[]) => readonly Out[] {
  let lastItems: readonly In[] = [];
  let lastResults: readonly Out[] = [];
  return (items) => {
    if (items === lastItems) return lastResults;
    const results = new Array<Out>(items.length);
    let isSame = items.length === lastItems.length;
    let at = 0;
    for (let j = 0; j < items.length; j++) {
      const item = items[j] as In;
      const found = lastItems[at] === item && at < lastItems.length ? at : findNear(lastItems, at, item);
      if (found === -1) {
        results[j] = make(item);
      } else {
        results[j] = lastResults[found] as Out;
        at = found + 1;
      }
      if (isSame && results[j] !== lastResults[j]) isSame = false;
    }
    lastItems = items;
    if (!isSame) lastResults = results;
    return lastResults;
  };
}

export interface ListDiff<T> {
  readonly removed: readonly T[];
  readonly added: readonly T[];
}

/** What to take from `earlier` and to add so that it holds the items of `now`. An item that moved far may stand in both. */
export function diffLists<T>(earlier: readonly T[], now: readonly T[]): ListDiff<T> {
  const removed: T[] = [];
  const added: T[] = [];
  let at = 0;
  for (const item of now) {
    if (at < earlier.length && earlier[at] === item) {
      at++;
      continue;
    }
    const found = findNear(earlier, at, item);
    if (found === -1) {
      added.push(item);
      continue;
    }
    for (; at < found; at++) removed.push(earlier[at] as T);
    at++;
  }
  for (; at < earlier.length; at++) removed.push(earlier[at] as T);
  return { removed, added };
}

/** Picks the few of a list that are remarkable. Only what is new to the list is asked; the result keeps its identity meanwhile. */
export function alignedFilter<T>(pick: (item: T) => boolean): (items: readonly T[]) => readonly T[] {
  let last: readonly T[] = [];
  let known: ReadonlySet<T> = new Set();
  let picked: readonly T[] = [];
  return (items) => {
    const { removed, added } = diffLists(last, items);
    last = items;
    const come = added.filter(pick);
    if (come.length === 0 && !removed.some((item) => known.has(item))) return picked;
    const candidates = new Set([...picked, ...come]);
    picked = items.filter((item) => candidates.has(item));
    known = new Set(picked);
    return picked;
  };
}

/** A copy of a list, sorted by a total order, with some items taken out and others put in their places. */
export function patchSorted<T>(
  sorted: readonly T[],
  { removed, added }: ListDiff<T>,
  compare: (a: T, b: T) => number,
): readonly T[] {
  if (removed.length + added.length > sorted.length / 8) {
    const gone = new Set(removed);
    return [...sorted.filter((item) => !gone.has(item)), ...added].sort(compare);
  }
  const result = sorted.slice();
  for (const item of removed) {
    const place = lowerBound(result, item, compare);
    // The order is total, but look by identity: it must be this very item.
    const at = result[place] === item ? place : result.indexOf(item);
    if (at !== -1) result.splice(at, 1);
  }
  for (const item of added) result.splice(lowerBound(result, item, compare), 0, item);
  return result;
}

function lowerBound<T>(sorted: readonly T[], item: T, compare: (a: T, b: T) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(sorted[middle] as T, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
