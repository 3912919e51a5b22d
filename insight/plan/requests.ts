/** Requests that show what a change does, asked before and after it: those of the routes that differ, and of what stands around them. */
import type { Ir, Route } from "../../ir/types.ts";
import { drawOf, matchRequest, type Request } from "../match/match.ts";
import { type Answer, answerOf, answerTo } from "./answer.ts";
import type { Place } from "./changes.ts";
import { differencesOf, type Respect } from "./difference.ts";
import { type Question, type Suspect, suspectsOf } from "./suspects.ts";
import { toHosts, witnessesOf } from "./witness.ts";

export interface RequestChange {
  readonly request: Request;
  readonly before: Answer;
  readonly after: Answer;
  readonly respects: readonly Respect[];
}

/** A route whose own request does not come to it after the change: another one takes it first. */
export interface Passed {
  readonly place: Place;
  readonly route: Route;
  readonly request: Request;
  readonly winner: Route;
  /** Before the change it did come to the route. */
  readonly wasTaken: boolean;
}

export interface Asked {
  readonly changes: readonly RequestChange[];
  readonly passed: readonly Passed[];
  /** Routes whose requests were not asked, because there were more than the limit. */
  readonly unasked: number;
}

interface Answers {
  readonly was: Answer;
  readonly is: Answer;
}

export function askRequests(question: Question): Asked {
  const { before, after, limit } = question;
  const changes: RequestChange[] = [];
  const passed = new Map<Route, Passed>();
  const seen = new Map<Route, Set<string>>();
  const known = new Map<string, Answers>();
  let unasked = 0;
  for (const suspect of suspectsOf(question)) {
    if (wasSeen(seen, suspect)) continue;
    if (known.size >= limit) {
      unasked++;
      continue;
    }
    const { placed, side } = suspect;
    const [here, there] = side === "before" ? [before, after] : [after, before];
    const found = ownRequest(here, suspect);
    if (found === undefined) continue;
    const { request, answer } = found;
    const key = keyOf(request);
    let answers = known.get(key);
    if (answers === undefined) {
      const counterpart = answerTo(there, request);
      answers = side === "before" ? { was: answer, is: counterpart } : { was: counterpart, is: answer };
      known.set(key, answers);
      const respects = differencesOf(answers.was, answers.is);
      if (respects.length > 0) changes.push({ request, before: answers.was, after: answers.is, respects });
    }
    const { was, is } = answers;
    const winner = is.shares[0]?.route;
    const isTakenBy = ({ shares }: Answer) => shares.some(({ route }) => route.name === placed.route.name);
    if (suspect.stays && winner !== undefined && !isTakenBy(is))
      passed.set(placed.route, { ...placed, request, winner, wasTaken: isTakenBy(was) });
  }
  return { changes, passed: [...passed.values()], unasked };
}

/** The same route stands in several virtual hosts. */
function wasSeen(seen: Map<Route, Set<string>>, { side, placed: { place, route }, domain }: Suspect): boolean {
  const where = `${side} ${place.listener.name} ${place.chain.tls === undefined} ${place.virtualHost.domain} ${domain ?? ""}`;
  const known = seen.get(route);
  if (known === undefined) seen.set(route, new Set([where]));
  else if (known.has(where)) return true;
  else known.add(where);
  return false;
}

function keyOf({ method, scheme, authority, path, headers, port }: Request): string {
  return JSON.stringify([method, scheme, authority, path, headers, port]);
}

/** A request, and what becomes of it on the side that it was taken from. */
interface Own {
  readonly request: Request;
  readonly answer: Answer;
}

/** A request that comes to the route in this very place, since a route may stand in several; where there is none one that matches it. */
function ownRequest(ir: Ir, { placed, domain }: Suspect): Own | undefined {
  const { place, route } = placed;
  let first: Own | undefined;
  for (const witness of witnessesOf(placed)) {
    for (const request of domain === undefined ? [witness] : toHosts(witness, domain)) {
      const match = matchRequest(ir, request);
      const drawn = drawOf(match);
      const own = { request, answer: answerOf(ir, match, drawn) };
      if (match.domain?.virtualHost !== place.virtualHost) continue;
      if (drawn.some((each) => each.route === route)) return own;
      first ??= own;
    }
  }
  return first;
}
