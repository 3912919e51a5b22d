import { RE2JS } from "re2js";
import type { Route, RouteMatch, ValueMatch } from "../../ir/types.ts";
import type { RouteTree } from "../../xds/resources/route-tree.ts";
import type { Random } from "./random.ts";

export interface TestRequest {
  /** With its query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

const segments = ["a", "b", "A", "ab", "x1", "users", "v1"];

function randomPath(random: Random): string {
  const depth = 1 + random.integer(3);
  const path = Array.from({ length: depth }, () => random.pick(segments)).join("/");
  return `/${path}${random.chance(0.5) ? "/" : ""}`;
}

function randomRegex(random: Random): string {
  const path = randomPath(random);
  return random.pick([
    `${path}.*`,
    `${path}[0-9]+`,
    `${path}(x|y)?`,
    `/a?b.*`,
    `(?i)${path}`,
    `${path}|/b/.*`,
    `.*\\.html`,
    `${path}\\.json`,
    `[^/]*/.*`,
  ]);
}

/** A hostile table: all kinds of paths, overlapping, with and without conditions, in any order at all. */
export function randomTable(random: Random, size: number): readonly Route[] {
  return Array.from({ length: size }, (_, index): Route => {
    const kind = random.pick(["prefix", "prefix", "prefix", "exact", "regex", "top"] as const);
    const path: RouteMatch["path"] =
      kind === "regex"
        ? { kind, regex: randomRegex(random) }
        : kind === "exact"
          ? { kind, path: randomPath(random) }
          : { kind: "prefix", prefix: kind === "top" ? random.pick(["/", "/", "/a"]) : randomPath(random) };
    const headers: ValueMatch[] = [];
    if (random.chance(0.3)) headers.push({ name: "x-version", kind: "exact", value: random.pick(["1", "2"]) });
    if (random.chance(0.2)) headers.push({ name: ":method", kind: "exact", value: random.pick(["GET", "POST"]) });
    const queryParameters: ValueMatch[] = random.chance(0.15) ? [{ name: "q", kind: "exact", value: "1" }] : [];
    const caseSensitive = kind === "regex" || random.chance(0.8);
    const name = `default/r${index}`;
    const object = { kind: "Mapping", namespace: "default", name: `r${index}` };
    return {
      name,
      match: { path, caseSensitive, headers, queryParameters },
      belowPercent: undefined,
      // Answers with its own name, so that a request shows which route Envoy took.
      action: { kind: "redirect", code: 302, host: `r${index}.test`, https: false, path: undefined },
      features: {},
      source: { object, path: [] },
    };
  });
}

export function randomRequest(random: Random): TestRequest {
  const path = randomPath(random) + random.pick(["", "", "x", "7", ".html", ".json", "b/c"]);
  const query = random.pick(["", "", "?q=1", "?q=2", "?x=/a/b"]);
  return {
    path: `${path}${query}`,
    method: random.pick(["GET", "POST"]),
    headers: random.chance(0.5) ? { "x-version": random.pick(["1", "2"]) } : {},
  };
}

const compiled = new Map<string, RE2JS>();

function fullMatch(regex: string, text: string): boolean {
  let program = compiled.get(regex);
  if (program === undefined) compiled.set(regex, (program = RE2JS.compile(regex)));
  return program.matches(text);
}

function matchesValue(match: ValueMatch, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (match.kind === "present") return true;
  return match.kind === "exact" ? value === match.value : fullMatch(match.regex, value);
}

/** A route's match, as Envoy's documentation has it. */
export function matches({ match }: Route, request: TestRequest): boolean {
  const [bare = "", query = ""] = request.path.split("?");
  const fold = (text: string) => (match.caseSensitive ? text : text.toLowerCase());
  const { path } = match;
  const isPath =
    path.kind === "regex"
      ? fullMatch(path.regex, bare)
      : path.kind === "exact"
        ? fold(bare) === fold(path.path)
        : fold(bare).startsWith(fold(path.prefix));
  const parameters = new URLSearchParams(query);
  return (
    isPath &&
    match.headers.every((each) =>
      matchesValue(each, each.name === ":method" ? request.method : request.headers[each.name]),
    ) &&
    match.queryParameters.every((each) => matchesValue(each, parameters.get(each.name) ?? undefined))
  );
}

export function routeByList(routes: readonly Route[], request: TestRequest): Route | undefined {
  return routes.find((route) => matches(route, request));
}

/** Envoy's prefix map: the longest key, and what it holds is final. */
export function routeByTree({ leaves, rest }: RouteTree, request: TestRequest): Route | undefined {
  const byKey = new Map(leaves.map(({ key, routes }) => [key, routes]));
  for (let length = request.path.length; length > 0; length--) {
    const leaf = byKey.get(request.path.slice(0, length));
    if (leaf !== undefined) return routeByList(leaf, request);
  }
  return routeByList(rest, request);
}
