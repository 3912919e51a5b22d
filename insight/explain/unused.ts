import type { Compiled } from "../../compile/compile.ts";
import type { MappingSpec } from "../../crds/mapping.ts";
import type { MappingResource } from "../../crds/resources.ts";
import { formatProblem, type ObjectRef, type Problem, subjectsOf } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import { globMatches, withoutPort } from "../../sources/getambassador/hostname.ts";
import { mappingMatch } from "../../sources/getambassador/mapping-match.ts";
import type { Match } from "../match/match.ts";
import { withoutAnyPort } from "../match/request.ts";
import { mayMatch } from "../match/route.ts";
import type { Quarantine } from "./last-good.ts";
import { placeOf } from "./places.ts";
import type { Unused } from "./types.ts";

const MOST = 5;

/** Mappings that are not used, for an error or because no Host takes them, and that ask for nothing which the request has not. */
export function unusedFor(
  match: Match,
  { expansion }: Compiled,
  { quarantined, problems }: Quarantine,
): readonly Unused[] {
  const { arrived } = match;
  if (arrived === undefined) return [];
  const host = withoutAnyPort(arrived.authority);
  const reasons = new Map<string, readonly Problem[]>();
  const key = ({ kind, namespace, name }: ObjectRef) => `${kind} ${namespace}/${name}`;
  for (const problem of problems.filter(({ severity, code }) => severity === "error" || code === "NotAttached"))
    for (const subject of subjectsOf(problem))
      reasons.set(key(subject), [...(reasons.get(key(subject)) ?? []), problem]);
  if (reasons.size === 0) return [];
  const wouldMatch = ({ spec }: Resource<MappingSpec>) => {
    try {
      const { match: wants, hostname } = mappingMatch(spec);
      if (hostname !== undefined && !globMatches(withoutPort(hostname), host)) return false;
      return mayMatch({ match: wants, belowPercent: undefined }, arrived);
    } catch {
      return false; // what is wrong with it may be its match
    }
  };
  // As they are asked for, where something else was compiled.
  const replaced = new Map(quarantined.map(({ object }) => [key(object), object as MappingResource]));
  return expansion.resources.mappings
    .map((mapping) => replaced.get(key(mapping)) ?? mapping)
    .filter((mapping) => reasons.has(key(mapping)) && wouldMatch(mapping))
    .slice(0, MOST)
    .map((mapping) => ({
      object: placeOf(mapping, []).object,
      because: (reasons.get(key(mapping)) ?? []).map(formatProblem),
    }));
}
