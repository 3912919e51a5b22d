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

/** Of other paths those that begin as the request's does: what was meant may differ in a slash at the end. */
function likeness(failure: Failure | undefined): number {
  if (failure?.kind !== "path" || failure.wants.kind === "regex") return 0;
  const { has, wants } = failure;
  const text = wants.kind === "prefix" ? wants.prefix : wants.path;
  let length = 0;
  while (length < text.length && text[length] === has[length]) length++;
  return length;
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

/** @param limit how many are told at most: those that come the closest; Infinity: all */
export function rivalsOf(
  match: Match,
  taken: Origin | undefined,
  originOf: (route: Route) => Origin,
  limit: number,
): Rivals {
  const candidates = candidatesOf(match, taken?.route);
  // Beside the one that is taken, those for other paths say nothing.
  const distances = taken === undefined || limit === Infinity ? [0, 1, 2] : [0, 1];
  const closest = distances.flatMap((distance) =>
    candidates.filter((each) => each.distance === distance).sort((a, b) => likeness(b.failure) - likeness(a.failure)),
  );
  const chosen = new Set(closest.slice(0, limit));
  // Where nothing is taken people look for the one that they meant.
  const told = taken === undefined && limit !== Infinity ? chosen : candidates.filter((each) => chosen.has(each));
  const rivals = [...told].map(({ route, failure, order }): Rival => {
    const origin = originOf(route);
    const view = { ...viewOf(origin), order };
    if (failure !== undefined && (order === "before" || taken === undefined))
      return { ...view, kind: "lacks", lack: lackOf(origin, failure) };
    return { ...view, kind: "later", by: whyLater(taken, origin) };
  });
  return { rivals, more: candidates.length - rivals.length };
}

function whyLater(taken: Origin | undefined, later: Origin): Extract<Rival, { kind: "later" }>["by"] {
  if (taken?.mapping === undefined || later.mapping === undefined) return "name";
  if (taken.mapping.groupKey === later.mapping.groupKey) return "weight";
  return decidingCriterion(taken.mapping.orderKey, later.mapping.orderKey) ?? "name";
}
