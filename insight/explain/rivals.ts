import { memoForever } from "../../ir/memo.ts";
import type { Route } from "../../ir/types.ts";
import { decidingCriterion } from "../../sources/getambassador/route-order.ts";
import { considered, type Match } from "../match/match.ts";
import type { Failure } from "../match/route.ts";
import { lackOf, type Origin, viewOf } from "./places.ts";
import type { Rival } from "./types.ts";

/** A route that was not taken, not yet in words. */
interface Candidate {
  readonly route: Route;
  readonly failure: Failure | undefined;
  readonly order: "before" | "after";
  /** The lower, the more it has to say: what matches too, then what lacks the least. */
  readonly distance: number;
}

function distanceOf(failure: Failure | undefined): number {
  if (failure === undefined || failure.kind === "weight") return 0;
  return failure.kind === "path" ? 2 : 1;
}

/** Those that come before the route that is taken, and of those that come after it what would take the request as well. */
function candidatesOf(match: Match, taken: Route | undefined): readonly Candidate[] {
  const candidates: Candidate[] = [];
  let order: Candidate["order"] = "before";
  for (const { route, failure } of considered(match)) {
    if (route === taken) {
      order = "after";
      continue;
    }
    const distance = distanceOf(failure);
    if (order === "before" || distance === 0) candidates.push({ route, failure, order, distance });
  }
  return candidates;
}

export interface Rivals {
  readonly rivals: readonly Rival[];
  readonly more: number;
}

/** @param limit how many are told at most: those that come the closest, in the order in which they are tried; Infinity: all */
export function rivalsOf(
  match: Match,
  taken: Origin | undefined,
  originOf: (route: Route) => Origin,
  limit: number,
): Rivals {
  const candidates = candidatesOf(match, taken?.route);
  // Beside the one that is taken, those for other paths say nothing.
  const distances = taken === undefined || limit === Infinity ? [0, 1, 2] : [0, 1];
  const closest = distances.flatMap((distance) => candidates.filter((each) => each.distance === distance));
  const chosen = new Set(closest.slice(0, limit));
  const rivals = candidates
    .filter((candidate) => chosen.has(candidate))
    .map(({ route, failure, order }): Rival => {
      const origin = originOf(route);
      const view = { ...viewOf(origin), order };
      if (failure !== undefined && (order === "before" || taken === undefined))
        return { ...view, kind: "lacks", lack: lackOf(origin, failure) };
      return { ...view, kind: "later", by: whyLater(taken, origin) };
    });
  return { rivals, more: candidates.length - rivals.length };
}

const textOf = memoForever((match: Route["match"]) => JSON.stringify(match));

function whyLater(taken: Origin | undefined, later: Origin): Extract<Rival, { kind: "later" }>["by"] {
  if (taken === undefined || textOf(taken.route.match) === textOf(later.route.match)) return "weight";
  const keys = [taken.mapping?.orderKey, later.mapping?.orderKey] as const;
  return keys[0] === undefined || keys[1] === undefined ? "name" : (decidingCriterion(keys[0], keys[1]) ?? "name");
}
