/** Whether one route leaves nothing for another one that comes after it. Never says so where it is not certain. */
import type { Route, RouteMatch, ValueMatch } from "../../ir/types.ts";
import { fullMatch } from "../match/regex.ts";
import { literalPrefix } from "../../xds/resources/route-tree.ts";

/** Every request that matches `inner` matches `outer` too, which takes all of them. */
export function takesAllOf(outer: Route, inner: Route): boolean {
  const { match, belowPercent } = outer;
  return (
    belowPercent === undefined &&
    coversPath(match, inner.match) &&
    match.headers.every((condition) => isAsked(condition, inner.match.headers)) &&
    match.queryParameters.every((condition) => isAsked(condition, inner.match.queryParameters))
  );
}

function coversPath(outer: RouteMatch, inner: RouteMatch): boolean {
  const fold = outer.caseSensitive ? (text: string) => text : (text: string) => text.toLowerCase();
  if (outer.caseSensitive && !inner.caseSensitive && inner.path.kind !== "regex")
    return outer.path.kind === "prefix" && outer.path.prefix === "/";
  switch (outer.path.kind) {
    case "prefix":
      // Every path begins with it.
      return outer.path.prefix === "/" || fold(beginningOf(inner)).startsWith(fold(outer.path.prefix));
    case "exact":
      return inner.path.kind === "exact" && fold(inner.path.path) === fold(outer.path.path);
    case "regex":
      if (inner.path.kind === "exact") return fullMatch(outer.path.regex, inner.path.path);
      return inner.path.kind === "regex" && inner.path.regex === outer.path.regex;
  }
}

/** What all paths of a match begin with. */
export function beginningOf({ path }: RouteMatch): string {
  return path.kind === "prefix" ? path.prefix : path.kind === "exact" ? path.path : literalPrefix(path.regex);
}

/** Of the paths that a match takes: what they begin with, and whether that is all of them. */
export interface PathSpan {
  readonly text: string;
  readonly isWhole: boolean;
}

/** In lower case: case may tell paths apart which meet here. */
export function spanOf(match: RouteMatch): PathSpan {
  return { text: beginningOf(match).toLowerCase(), isWhole: match.path.kind === "exact" };
}

/** Whether some path may be in both; says yes where that is not certain. */
export function spansMeet(a: PathSpan, b: PathSpan): boolean {
  if (a.isWhole && b.isWhole) return a.text === b.text;
  if (a.isWhole) return a.text.startsWith(b.text);
  return b.isWhole ? b.text.startsWith(a.text) : a.text.startsWith(b.text) || b.text.startsWith(a.text);
}

/** The condition holds wherever all of these do. */
function isAsked(condition: ValueMatch, known: readonly ValueMatch[]): boolean {
  return known.some((each) => {
    if (each.name.toLowerCase() !== condition.name.toLowerCase()) return false;
    if (condition.kind === "present") return true;
    if (condition.kind === "exact") return each.kind === "exact" && each.value === condition.value;
    if (each.kind === "exact") return fullMatch(condition.regex, each.value);
    return each.kind === "regex" && each.regex === condition.regex;
  });
}
