/** Requests that show what a change does, asked before and after it: those of the routes that differ, and of what stands around them. */
import type { HttpFilter, Ir, Route, VirtualHost } from "../../ir/types.ts";
import { type Drawn, drawOf, matchRequest, type Request } from "../match/match.ts";
import { AUTH_UNUSABLE, EXT_AUTHZ } from "../../features/auth.ts";
import { type Answer, answerOf, answerTo, rewriteOf } from "./answer.ts";
import {
  type Changes,
  type Place,
  type PlacedRoute,
  type RouteChange,
  sameContent,
  type VirtualHostChange,
} from "./changes.ts";
import { type PathSpan, spanOf, spansMeet } from "./cover.ts";
import { differencesOf, type Respect } from "./difference.ts";
import { anyRequest, toHost, witnessesOf } from "./witness.ts";

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

export interface Question {
  readonly before: Ir;
  readonly after: Ir;
  readonly virtualHosts: readonly VirtualHostChange[];
  readonly filters: Changes<HttpFilter>;
  /** So many routes are asked at most. */
  readonly limit: number;
}

/** Filters that decide who may send a request. */
const authorizing: ReadonlySet<string> = new Set([EXT_AUTHZ, AUTH_UNUSABLE]);

/** Of the routes that changed so many are compared with those further down. */
const MOST_ABOVE = 256;
/** Of a virtual host that is judged as a whole. */
const MOST_OF_HOST = 16;

/** Where to take a request from: a route as it stands before the change, or after it. */
interface Suspect {
  readonly side: "before" | "after";
  readonly placed: PlacedRoute;
  /** The route is there after the change. */
  readonly stays: boolean;
  /** Asked by a name of this domain, which the route's virtual host serves or served as well. */
  readonly domain?: string;
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
  readonly drawn: readonly Drawn[];
  readonly answer: Answer;
}

/** A request that comes to the route, or where there is none one that matches it. */
function ownRequest(ir: Ir, { placed, domain }: Suspect): Own | undefined {
  const own = (request: Request): Own => {
    const match = matchRequest(ir, request);
    const drawn = drawOf(match);
    return { request, drawn, answer: answerOf(ir, match, drawn) };
  };
  let first: Own | undefined;
  for (const witness of witnessesOf(placed)) {
    if (domain !== undefined) return own(toHost(witness, domain));
    const found = own(witness);
    if (found.drawn.some(({ route }) => route === placed.route)) return found;
    first ??= found;
  }
  return first;
}

/** The likeliest to have changed come first. */
function* suspectsOf(question: Question): Generator<Suspect> {
  const { virtualHosts } = question;
  for (const change of virtualHosts) yield* ownSuspects(change);
  for (const change of virtualHosts) yield* neighbours(change, question);
  for (const change of virtualHosts) yield* others(change, question);
  yield* ofFilters(question);
}

function* ownSuspects({ before, after, routes, moved }: VirtualHostChange): Generator<Suspect> {
  const changed = routes.changed.filter(mattersToRequests);
  if (after !== undefined) {
    const come = [...changed.map((pair) => pair.after), ...routes.added, ...moved];
    for (const route of come) yield { side: "after", placed: { place: after, route }, stays: true };
  }
  if (before !== undefined) {
    const gone = [...changed.filter(takesOthers).map((pair) => pair.before), ...routes.removed];
    for (const route of gone) yield { side: "before", placed: { place: before, route }, stays: false };
  }
}

/** Timeouts, headers and so on do not decide where a request goes, nor who may send it. */
function mattersToRequests(change: RouteChange): boolean {
  const { before, after } = change;
  const auth = ({ features }: Route) => features["auth"];
  return (
    takesOthers(change) ||
    !sameContent(before.action, after.action) ||
    !sameContent(auth(before), auth(after)) ||
    !sameContent(rewriteOf(before), rewriteOf(after))
  );
}

/** It takes other requests than before. */
function takesOthers({ before, after, isMoved }: RouteChange): boolean {
  return isMoved || before.belowPercent !== after.belowPercent || !sameContent(before.match, after.match);
}

/** Routes further down that lose requests to one that comes, or get those of one that goes. */
function* neighbours({ before, after, routes, moved }: VirtualHostChange, { limit }: Question): Generator<Suspect> {
  if (before === undefined || after === undefined) return;
  const changed = routes.changed.filter(takesOthers);
  const come = [...routes.added, ...changed.map((pair) => pair.after), ...moved];
  const gone = [...routes.removed, ...changed.map((pair) => pair.before), ...moved];
  for (const route of below(after.virtualHost, come, limit))
    yield { side: "before", placed: { place: before, route }, stays: true };
  for (const route of below(before.virtualHost, gone, limit))
    yield { side: "after", placed: { place: after, route }, stays: true };
}

function* below({ routes }: VirtualHost, some: readonly Route[], limit: number): Generator<Route> {
  const wanted = new Set(some);
  if (wanted.size === 0) return;
  const above: PathSpan[] = [];
  let left = limit;
  for (const route of routes) {
    if (left === 0) return;
    if (wanted.has(route)) {
      if (above.length < MOST_ABOVE) above.push(spanOf(route.match));
      continue;
    }
    if (above.length === 0) continue;
    const span = spanOf(route.match);
    if (!above.some((each) => spansMeet(each, span))) continue;
    left--;
    yield route;
  }
}

/** Requests that another virtual host served or will serve, and routes that differ in what holds for the whole virtual host. */
function* others({ before, after }: VirtualHostChange, question: Question): Generator<Suspect> {
  if (before !== undefined && after !== undefined) {
    const isSame =
      sameContent(before.virtualHost.features, after.virtualHost.features) &&
      sameContent(before.chain.tls, after.chain.tls) &&
      before.listener.port === after.listener.port;
    if (isSame) return;
    yield* kindsOf(after, "after");
    yield* kindsOf(before, "before");
    return;
  }
  const [place, other, side] =
    before === undefined ? ([after, question.before, "before"] as const) : ([before, question.after, "after"] as const);
  if (place === undefined) return;
  const { domain } = place.virtualHost;
  // Whoever serves the name where this virtual host is not there.
  const { listener, chain, domain: found } = matchRequest(other, anyRequest(place));
  if (listener === undefined || chain?.kind !== "http" || found?.virtualHost === undefined) return;
  const wide: Place = { listener, chain, virtualHost: found.virtualHost };
  for (const route of wide.virtualHost.routes.slice(0, MOST_OF_HOST))
    yield { side, placed: { place: wide, route }, domain, stays: false };
}

/** Of a virtual host the first route of each kind: forwarding ones by what they say of authorization, redirects. */
function* kindsOf(place: Place, side: Suspect["side"]): Generator<Suspect> {
  const kinds = new Set<string>();
  for (const route of place.virtualHost.routes) {
    const kind = `${route.action.kind} ${JSON.stringify(route.features["auth"])}`;
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    yield { side, placed: { place, route }, stays: false };
    if (kinds.size === MOST_OF_HOST) return;
  }
}

/** Where the authorization service comes, goes or is another one: a route of each kind in each virtual host. */
function* ofFilters({ before, after, filters }: Question): Generator<Suspect> {
  const touched = [...filters.added, ...filters.removed, ...filters.changed.map((pair) => pair.after)];
  if (touched.length === 0 || !touched.some(({ name }) => authorizing.has(name))) return;
  for (const [ir, side] of [[after, "after"] as const, [before, "before"] as const]) {
    for (const listener of ir.listeners) {
      for (const chain of listener.chains) {
        if (chain.kind !== "http") continue;
        for (const virtualHost of ir.tables.get(chain.table)?.virtualHosts ?? [])
          yield* kindsOf({ listener, chain, virtualHost }, side);
      }
    }
  }
}
