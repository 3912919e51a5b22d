import { assertNever } from "../../ir/assert.ts";
import type { Route, ValueMatch } from "../../ir/types.ts";
import { literalPrefix } from "../../xds/resources/route-tree.ts";
import { fullMatch } from "./regex.ts";
import type { Arrived } from "./request.ts";

/** What a route asks for. */
export type Conditions = Pick<Route, "match" | "belowPercent">;

/** What a route asks for and a request has not. */
export type Failure =
  | {
      readonly kind: "path";
      readonly wants: Route["match"]["path"];
      readonly caseSensitive: boolean;
      readonly has: string;
    }
  /** `has`: one for each time that the header is there. */
  | { readonly kind: "header"; readonly wants: ValueMatch; readonly has: readonly string[] }
  | { readonly kind: "queryParameter"; readonly wants: ValueMatch; readonly has: string | undefined }
  /** The number that was drawn was not below the route's cumulative share. */
  | { readonly kind: "weight"; readonly belowPercent: number; readonly has: number };

/**
 * The first condition of a route that the request does not meet; undefined: the route matches. All must hold, so that their
 * order decides nothing: it is the one in which people ask, path first. Source: Envoy, config_impl.cc, matchRoute.
 */
export function failureOf({ match, belowPercent }: Conditions, request: Arrived): Failure | undefined {
  const { path, caseSensitive, headers, queryParameters } = match;
  if (!pathMatches(match, request.barePath)) return { kind: "path", wants: path, caseSensitive, has: request.barePath };
  for (const wants of headers) {
    const values = request.headers.get(wants.name.toLowerCase()) ?? [];
    if (!values.some((value) => valueMatches(wants, value))) return { kind: "header", wants, has: values };
  }
  for (const wants of queryParameters) {
    const has = request.queryParameters.get(wants.name);
    if (has === undefined || !valueMatches(wants, has)) return { kind: "queryParameter", wants, has };
  }
  if (belowPercent !== undefined && request.random >= belowPercent)
    return { kind: "weight", belowPercent, has: request.random };
  return undefined;
}

/** Whether the route takes the request. */
export function matches(route: Conditions, request: Arrived): boolean {
  const { belowPercent } = route;
  return mayMatch(route, request) && (belowPercent === undefined || request.random < belowPercent);
}

/** The same but for weights: the route may be drawn. */
export function mayMatch(route: Conditions, request: Arrived): boolean {
  // Of 10,000 routes nearly all fail by their path: no reason is made up for those.
  if (!pathMatches(route.match, request.barePath)) return false;
  const failure = failureOf(route, request);
  return failure === undefined || failure.kind === "weight";
}

function pathMatches({ path, caseSensitive }: Route["match"], has: string): boolean {
  const fold = caseSensitive ? same : lowerAscii;
  switch (path.kind) {
    case "prefix":
      return fold(has).startsWith(fold(path.prefix));
    case "exact":
      return fold(has) === fold(path.path);
    case "regex":
      // Most regexes begin with what tells without them.
      return has.startsWith(literalPrefix(path.regex)) && fullMatch(path.regex, has);
    default:
      return assertNever(path);
  }
}

function valueMatches(wants: ValueMatch, has: string): boolean {
  switch (wants.kind) {
    case "present":
      return true;
    case "exact":
      return has === wants.value;
    case "regex":
      return fullMatch(wants.regex, has);
    default:
      return assertNever(wants);
  }
}

const same = (text: string): string => text;

/** Envoy folds no other letters. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
