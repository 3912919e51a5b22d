import type { Problem } from "../../ir/problem.ts";
import { type BuiltMapping, nameOf } from "./mapping.ts";
import { olderFirst } from "./weights.ts";

export interface Roles {
  /** Those that answer requests, in the order in which they were given. */
  readonly serving: readonly BuiltMapping[];
  /** The one that gets copies of what the others forward. */
  readonly shadow: BuiltMapping | undefined;
  readonly problems: readonly Problem[];
}

function isShadow({ resource }: BuiltMapping): boolean {
  return resource.spec.shadow === true;
}

/**
 * What each Mapping of a group does. A group forwards or redirects, as its oldest Mapping does; at most one of them
 * redirects, and at most one is the shadow. Source: Emissary `irhttpmappinggroup.py` add_mapping.
 */
export function rolesOf(mappings: readonly BuiltMapping[]): Roles {
  if (mappings.length === 1 && !mappings.some(isShadow)) return { serving: mappings, shadow: undefined, problems: [] };
  const oldestFirst = [...mappings].sort(olderFirst);
  const [shadow, ...moreShadows] = oldestFirst.filter(isShadow);
  const others = oldestFirst.filter((mapping) => !isShadow(mapping));
  const [first] = others;
  const problems = moreShadows.map((mapping) =>
    conflict(
      mapping,
      "shadow",
      `${nameOf(shadow as BuiltMapping)} is the shadow of the same requests already`,
      "remove one of the two",
    ),
  );
  const refused = new Set<BuiltMapping>();
  for (const mapping of others.slice(1)) {
    if (first === undefined || (first.action.kind === "forward" && mapping.action.kind === "forward")) continue;
    refused.add(mapping);
    problems.push(
      mapping.action.kind === "redirect"
        ? conflict(
            mapping,
            "host_redirect",
            `${nameOf(first)} has the same match already`,
            "give one of the two another prefix or condition",
          )
        : conflict(
            mapping,
            "prefix",
            `${nameOf(first)} redirects all requests of this match`,
            "give one of the two another prefix or condition",
          ),
    );
  }
  if (shadow !== undefined && first?.action.kind !== "forward") problems.push(uselessShadow(shadow));
  const serving = mappings.filter((mapping) => !isShadow(mapping) && !refused.has(mapping));
  return { serving, shadow: first?.action.kind === "forward" ? shadow : undefined, problems };
}

function conflict({ resource }: BuiltMapping, field: string, message: string, advice: string): Problem {
  return { code: "GroupConflict", severity: "error", object: resource, path: ["spec", field], message, advice };
}

function uselessShadow({ resource }: BuiltMapping): Problem {
  return {
    code: "NotAttached",
    severity: "warning",
    object: resource,
    path: ["spec", "shadow"],
    message: "it gets no requests, because no other Mapping with the same match forwards any",
    advice: "give it the prefix, hostname and conditions of the Mapping whose requests it is to see",
  };
}
