import type { PathMatch, Route } from "../../ir/types.ts";

/**
 * The routes of a virtual host as a prefix map of paths, for Envoy's matcher tree: finding a route costs the same at 10 and at
 * 10,000. Each leaf holds, in the list's order, every route that can match a path whose longest key is the leaf's; entries
 * keep their own match, so a leaf may hold too many and must not hold too few.
 */
export interface RouteTree {
  readonly leaves: ReadonlyMap<string, readonly Route[]>;
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

interface Placed {
  readonly index: number;
  readonly route: Route;
}

/** @returns undefined where a list serves better */
export function routeTree(routes: readonly Route[]): RouteTree | undefined {
  const byKey = new Map<string, Placed[]>();
  const everywhere: Placed[] = [];
  for (let index = 0; index < routes.length; index++) {
    const route = routes[index] as Route;
    const literal = literalOf(route.match);
    const placed = { index, route };
    // A path has no ? and no #: what begins with one never matches, and costs least where it is asked last.
    if (literal === undefined || literal === "" || /[?#]/.test(literal)) {
      everywhere.push(placed);
      continue;
    }
    const known = byKey.get(literal);
    if (known === undefined) byKey.set(literal, [placed]);
    else known.push(placed);
  }
  const leaves = new Map<string, readonly Route[]>();
  const firstEverywhere = everywhere[0]?.index ?? Infinity;
  const ancestors: { readonly key: string; readonly own: readonly Placed[]; readonly firstAbove: number }[] = [];
  let copies = 0;
  for (const key of [...byKey.keys()].sort()) {
    for (let top = ancestors.at(-1); top !== undefined && !key.startsWith(top.key); top = ancestors.at(-1))
      ancestors.pop();
    const own = byKey.get(key) as Placed[];
    const above = ancestors.at(-1);
    const firstAbove =
      above === undefined ? firstEverywhere : Math.min(above.firstAbove, above.own[0]?.index ?? Infinity);
    ancestors.push({ key, own, firstAbove });
    const [first] = own as [Placed];
    const leaf =
      first.index < firstAbove && isFinal(first.route)
        ? [first.route]
        : leafOf(key, [...everywhere, ...ancestors.flatMap((each) => each.own)]);
    leaves.set(key, leaf);
    copies += leaf.length;
    if (copies > MAX_COPIES * routes.length) return undefined;
  }
  const rest = everywhere.map(({ route }) => route);
  return copies + rest.length > MAX_COPIES * routes.length ? undefined : { leaves, rest };
}

function leafOf(key: string, candidates: readonly Placed[]): readonly Route[] {
  const leaf: Route[] = [];
  for (const { route } of [...candidates].sort((a, b) => a.index - b.index)) {
    const { path, caseSensitive } = route.match;
    if (!mayMatch(path, caseSensitive, key)) continue;
    if (path.kind === "exact" && caseSensitive && path.path !== key) continue;
    leaf.push(route);
    if (isFinal(route)) break;
  }
  return leaf;
}
