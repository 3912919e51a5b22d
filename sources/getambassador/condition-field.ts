import type { MappingSpec } from "../../crds/mapping.ts";
import type { PathStep } from "../../ir/problem.ts";
import type { ValueMatch } from "../../ir/types.ts";

type Texts = Readonly<Record<string, string>> | undefined;

/** The spelling under which a map of conditions has a name: those of headers have no case. */
function keyIn(map: Texts, name: string): string | undefined {
  return Object.keys(map ?? {}).find((key) => key.toLowerCase() === name.toLowerCase());
}

function entry(spec: MappingSpec, field: "headers" | "regex_headers", name: string): readonly PathStep[] | undefined {
  const key = keyIn(spec[field], name);
  return key === undefined ? undefined : [field, key];
}

/**
 * The field of a Mapping, relative to its spec, that a header condition of its route comes from: what mapping-match.ts does,
 * the other way round. undefined: none; it keeps the route to what its Host serves.
 */
export function fieldOfHeader(spec: MappingSpec, { name, kind }: ValueMatch): readonly PathStep[] | undefined {
  const own = entry(spec, kind === "regex" ? "regex_headers" : "headers", name);
  const isHost = name === ":authority";
  if (name === ":method" && spec.method !== undefined) return ["method"];
  if (!isHost) return own;
  const named = (["hostname", "host"] as const).find((field) => (spec[field] ?? "") !== "");
  // A hostname narrower than its virtual host is a condition with another text, and regex_headers narrow it further.
  return named === undefined ? (own ?? entry(spec, "headers", name)) : [named];
}

/** Likewise of a condition on a query parameter. */
export function fieldOfQuery(
  { query_parameters: texts }: MappingSpec,
  { name, kind }: ValueMatch,
): readonly PathStep[] {
  const isText = kind === "exact" && Object.hasOwn(texts ?? {}, name);
  return [isText ? "query_parameters" : "regex_query_parameters", name];
}
