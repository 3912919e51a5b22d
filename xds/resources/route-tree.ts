import { alignedMap, diffLists, patchSorted } from "../../ir/aligned.ts";
import { sameElements } from "../../ir/memo.ts";
import { compareText } from "../../ir/problem.ts";
import type { PathMatch, Route } from "../../ir/types.ts";

/** All routes, in the list's order, that can match a path whose longest key is this one. The same object while they are the same. */
export interface Leaf {
  readonly key: string;
  readonly routes: readonly Route[];
}

/**
 * The routes of a virtual host as a prefix map of paths, for Envoy's matcher tree: finding a route costs the same at 10 and at
 * 10,000. Entries of a leaf keep their own match, so a leaf may hold too many and must not hold too few.
 */
export interface RouteTree {
  /** Sorted by key. */
  readonly leaves: readonly Leaf[];
  /** For paths that no key is a prefix of. */
  readonly rest: readonly Route[];
}

/** With more leaf entries per route than this the list is the better form. */
const MAX_COPIES = 4;

/** Regex text before the first character that means something. A quantifier takes the character before it along. */
export function literalPrefix(regex: string): string {
  if (regex.includes("|")) return "";
  const at = regex.search(/[\\^$.*+?()[\]{}]/);
  if (at === -1) return regex;
  return "*?{".includes(regex[at] ?? "") ? regex.slice(0, Math.max(0, at - 1)) : regex.slice(0, at);
}

/** What every path that matches begins with; undefined where case does not count. */
function literalOf({ path, caseSensitive }: Route["match"]): string | undefined {
  if (path.kind === "regex") return literalPrefix(path.regex);
  if (!caseSensitive) return undefined;
  return path.kind === "prefix" ? path.prefix : path.path;
}

/** The list ends here for every path below the prefix: nothing else is asked. */
function isFinal({ match, belowPercent }: Route): boolean {
  const { path, caseSensitive, headers, queryParameters } = match;
  return (
    path.kind === "prefix" &&
    caseSensitive &&
    belowPercent === undefined &&
    headers.length === 0 &&
    queryParameters.length === 0
  );
}

/** Whether a path whose longest key is `key` can match, for a route that is not told by its own key. */
function mayMatch(path: PathMatch, caseSensitive: boolean, key: string): boolean {
  if (path.kind === "regex" || caseSensitive) return true;
  const lower = key.toLowerCase();
  const value = (path.kind === "prefix" ? path.prefix : path.path).toLowerCase();
  return path.kind === "prefix" ? lower.startsWith(value) || value.startsWith(lower) : value.startsWith(lower);
}

/** A route with its place in the list, which is brought up to date at each run. */
interface Placed {
  readonly route: Route;
  /** What paths that match begin with; undefined: asked everywhere. */
  readonly key: string | undefined;
  index: number;
}

function placed(route: Route): Placed {
  const literal = literalOf(route.match);
  // A path has no ? and no #: what begins with one never matches, and does no harm where it is asked last.
  const isKey = literal !== undefined && literal !== "" && !/[?#]/.test(literal);
  return { route, key: isKey ? literal : undefined, index: 0 };
}

const byKeyText = (a: Leaf, b: Leaf): number => compareText(a.key, b.key);
const byIndex = (a: Placed, b: Placed): number => a.index - b.index;

/** What is known from run to run. */
interface State {
  readonly places: (routes: readonly Route[]) => readonly Placed[];
  last: readonly Placed[];
  readonly own: Map<string, readonly Placed[]>;
  everywhere: readonly Placed[];
  leaves: readonly Leaf[];
  copies: number;
}

function newState(): State {
  return { places: alignedMap(placed), last: [], own: new Map(), everywhere: [], leaves: [], copies: 0 };
}

/** Builds trees of one virtual host from run to run; the result is that of a fresh build. undefined: a list serves better. */
export function treeBuilder(): (routes: readonly Route[]) => RouteTree | undefined {
  let state = newState();
  return (routes) => {
    const limit = MAX_COPIES * routes.length;
    if (!update(state, routes, limit)) {
      state = newState();
      return undefined;
    }
    // Envoy takes no empty map.
    if (state.leaves.length === 0) return undefined;
    return { leaves: state.leaves, rest: state.everywhere.map(({ route }) => route) };
  };
}

export function routeTree(routes: readonly Route[]): RouteTree | undefined {
  return treeBuilder()(routes);
}

/** @returns false when there would be more copies than the limit */
function update(state: State, routes: readonly Route[], limit: number): boolean {
  const now = state.places(routes);
  for (let index = 0; index < now.length; index++) (now[index] as Placed).index = index;
  const diff = diffLists(state.last, now);
  state.last = now;
  const touched = new Map<string, Set<Placed>>();
  let everywhere = false;
  const ownOf = (key: string): Set<Placed> => {
    let set = touched.get(key);
    if (set === undefined) touched.set(key, (set = new Set(state.own.get(key) ?? [])));
    return set;
  };
  for (const place of diff.removed) {
    if (place.key === undefined) everywhere = true;
    else ownOf(place.key).delete(place);
  }
  for (const place of diff.added) {
    if (place.key === undefined) everywhere = true;
    else ownOf(place.key).add(place);
  }
  if (everywhere) state.everywhere = now.filter(({ key }) => key === undefined);
  const keys: { removed: Leaf[]; added: Leaf[] } = { removed: [], added: [] };
  for (const [key, set] of touched) {
    const known = state.own.has(key);
    if (set.size === 0) {
      state.own.delete(key);
      const leaf = known ? leafAt(state.leaves, key) : undefined;
      if (leaf !== undefined) {
        keys.removed.push(leaf);
        state.copies -= leaf.routes.length;
      }
      continue;
    }
    state.own.set(key, [...set].sort(byIndex));
    if (!known) keys.added.push({ key, routes: [] });
  }
  if (keys.removed.length > 0 || keys.added.length > 0) state.leaves = patchSorted(state.leaves, keys, byKeyText);
  const ranges = everywhere ? [[0, state.leaves.length] as const] : rangesBelow(state.leaves, [...touched.keys()]);
  return refresh(state, ranges, limit) && state.copies + state.everywhere.length <= limit;
}

function lowerBound(leaves: readonly Leaf[], key: string): number {
  let low = 0;
  let high = leaves.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaves[middle] as Leaf).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function leafAt(leaves: readonly Leaf[], key: string): Leaf | undefined {
  const leaf = leaves[lowerBound(leaves, key)];
  return leaf?.key === key ? leaf : undefined;
}

/** The stretches of leaves whose keys begin with one of these: their routes may have changed. */
function rangesBelow(leaves: readonly Leaf[], keys: readonly string[]): readonly (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let done = 0;
  for (const key of [...keys].sort(compareText)) {
    const from = Math.max(done, lowerBound(leaves, key));
    let to = from;
    while (to < leaves.length && (leaves[to] as Leaf).key.startsWith(key)) to++;
    if (to > from) ranges.push([from, to]);
    done = Math.max(done, to);
  }
  return ranges;
}

/** Makes the leaves of some stretches anew. */
function refresh(state: State, ranges: readonly (readonly [number, number])[], limit: number): boolean {
  if (ranges.length === 0) return true;
  const leaves = state.leaves.slice();
  for (const [from, to] of ranges) {
    for (let at = from; at < to; at++) {
      const { key, routes } = leaves[at] as Leaf;
      const now = leafOf(key, state);
      state.copies += now.length - routes.length;
      if (state.copies > limit) return false;
      if (!sameElements(now, routes)) leaves[at] = { key, routes: now };
    }
  }
  state.leaves = leaves;
  return true;
}

/** What may match below a key, in order: the routes of keys that are its prefixes, itself included, and of everywhere, up to the first final one. */
function candidates(key: string, { own, everywhere }: State): readonly Placed[] {
  const found: Placed[] = [];
  let last = Infinity;
  for (let length = 1; length <= key.length; length++) {
    for (const place of own.get(key.slice(0, length)) ?? []) {
      found.push(place);
      if (place.index < last && isFinal(place.route)) last = place.index;
    }
  }
  for (const place of everywhere) {
    if (place.index > last) break;
    found.push(place);
  }
  return found.filter(({ index }) => index <= last).sort(byIndex);
}

function leafOf(key: string, state: State): readonly Route[] {
  const leaf: Route[] = [];
  for (const { route } of candidates(key, state)) {
    const { path, caseSensitive } = route.match;
    if (!mayMatch(path, caseSensitive, key)) continue;
    if (path.kind === "exact" && caseSensitive && path.path !== key) continue;
    leaf.push(route);
    if (isFinal(route)) break;
  }
  return leaf;
}
