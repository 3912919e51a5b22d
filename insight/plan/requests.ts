/** Requests that show what a change does, asked before and after it: those of the routes that differ, and of what stands around them. */
import type { HttpFilter, Ir, Route } from "../../ir/types.ts";
import { type Drawn, drawOf, matchRequest, type Request } from "../match/match.ts";
import { AUTH_UNUSABLE, EXT_AUTHZ } from "../../features/auth.ts";
import { type Answer, answerOf, answerTo, rewriteOf } from "./answer.ts";
import {
  type Changed,
  type Changes,
  type Place,
  type PlacedRoute,
  sameContent,
  type VirtualHostChange,
} from "./changes.ts";
import { type PathSpan, spanOf, spansMeet } from "./cover.ts";
import { differencesOf, type Respect } from "./difference.ts";
import { toHost, witnessesOf } from "./witness.ts";

export interface RequestChange {
  readonly request: Request;
  readonly before: Answer;
  readonly after: Answer;
  readonly respects: readonly Respect[];
}

/** A route whose own request never comes to it: after the change another one takes it first. */
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

/** Of the routes around one that changed so many are asked. */
const MOST_NEIGHBOURS = 16;
/** Of a virtual host that is judged as a whole. */
const MOST_OF_HOST = 16;

/** Where to take a request from: a route as it stands before the change, or after it. */
interface Suspect {
  readonly side: "before" | "after";
  readonly placed: PlacedRoute;
  /** Asked by a name of this domain, which the route's virtual host serves or served as well. */
  readonly domain?: string;
}

export function askRequests(question: Question): Asked {
  const { before, after, limit } = question;
  const changes: RequestChange[] = [];
  const passed = new Map<Route, Passed>();
  const seen = new Map<Route, Set<string>>();
  const known = new Set<string>();
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
    const { request, answer, drawn } = found;
    const key = keyOf(request);
    if (known.has(key)) continue;
    known.add(key);
    const counterpart = answerTo(there, request);
    const [was, is] = side === "before" ? [answer, counterpart] : [counterpart, answer];
    const respects = differencesOf(was, is);
    if (respects.length > 0) changes.push({ request, before: was, after: is, respects });
    const [winner] = drawn;
    if (side === "before" || suspect.domain !== undefined || winner === undefined) continue;
    if (drawn.some(({ route }) => route.name === placed.route.name)) continue;
    const wasTaken = was.shares.some(({ route }) => route.name === placed.route.name);
    passed.set(placed.route, { ...placed, request, winner: winner.route, wasTaken });
  }
  return { changes, passed: [...passed.values()], unasked };
}

/** A route that is the same before and after is asked once, in each of its virtual hosts. */
function wasSeen(seen: Map<Route, Set<string>>, { placed: { place, route }, domain }: Suspect): boolean {
  const where = `${place.listener.name} ${place.chain.tls === undefined} ${place.virtualHost.domain} ${domain ?? ""}`;
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
  for (const change of virtualHosts) yield* neighbours(change);
  for (const change of virtualHosts) yield* others(change, question);
  yield* ofFilters(question);
}

function* ownSuspects({ before, after, routes, moved }: VirtualHostChange): Generator<Suspect> {
  for (const pair of routes.changed.filter(mattersToRequests)) {
    if (after !== undefined) yield { side: "after", placed: { place: after, route: pair.after } };
    if (before !== undefined && takesOthers(pair))
      yield { side: "before", placed: { place: before, route: pair.before } };
  }
  if (after !== undefined) for (const route of routes.added) yield { side: "after", placed: { place: after, route } };
  if (before !== undefined)
    for (const route of routes.removed) yield { side: "before", placed: { place: before, route } };
  if (after !== undefined) for (const route of moved) yield { side: "after", placed: { place: after, route } };
}

/** Timeouts, headers and so on do not decide where a request goes, nor who may send it. */
function mattersToRequests({ before, after }: Changed<Route>): boolean {
  const auth = ({ features }: Route) => features["auth"];
  return (
    takesOthers({ before, after }) ||
    !sameContent(before.action, after.action) ||
    !sameContent(auth(before), auth(after)) ||
    !sameContent(rewriteOf(before), rewriteOf(after))
  );
}

/** It takes other requests than before. */
function takesOthers({ before, after }: Changed<Route>): boolean {
  return before.belowPercent !== after.belowPercent || !sameContent(before.match, after.match);
}

/** Routes further down that may have had, or may get, requests of a route that differs. */
function* neighbours({ before, after, routes, moved }: VirtualHostChange): Generator<Suspect> {
  if (before === undefined || after === undefined) return;
  const changed = routes.changed.filter(takesOthers);
  yield* below(after, [...routes.added, ...changed.map((pair) => pair.after), ...moved], "after");
  // What a route had taken from others is theirs again.
  yield* below(before, [...routes.removed, ...changed.map((pair) => pair.before)], "before");
}

function* below(place: Place, some: readonly Route[], side: Suspect["side"]): Generator<Suspect> {
  const { routes } = place.virtualHost;
  const wanted = new Set(some);
  // With half a virtual host changed nearly every route is asked for its own sake.
  if (wanted.size === 0 || wanted.size > routes.length / 2) return;
  const above: PathSpan[] = [];
  let left = MOST_NEIGHBOURS * wanted.size;
  for (const route of routes) {
    if (left === 0) return;
    if (wanted.has(route)) {
      above.push(spanOf(route.match));
      continue;
    }
    if (above.length === 0) continue;
    const span = spanOf(route.match);
    if (!above.some((each) => spansMeet(each, span))) continue;
    left--;
    yield { side, placed: { place, route } };
  }
}

/** Requests that another virtual host served or will serve, and routes that differ in what holds for the whole virtual host. */
function* others({ before, after, routes }: VirtualHostChange, question: Question): Generator<Suspect> {
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
  const asked = [...routes.added, ...routes.removed][0];
  if (place === undefined) return;
  const { domain } = place.virtualHost;
  const request = asked === undefined ? undefined : witnessesOf({ place, route: asked })[0];
  if (request === undefined) return;
  // Whoever serves the name where this virtual host is not there.
  const { listener, chain, domain: found } = matchRequest(other, request);
  if (listener === undefined || chain?.kind !== "http" || found?.virtualHost === undefined) return;
  const wide: Place = { listener, chain, virtualHost: found.virtualHost };
  for (const route of wide.virtualHost.routes.slice(0, MOST_OF_HOST))
    yield { side, placed: { place: wide, route }, domain };
}

/** Of a virtual host the first route of each kind: forwarding ones by what they say of authorization, redirects. */
function* kindsOf(place: Place, side: Suspect["side"]): Generator<Suspect> {
  const kinds = new Set<string>();
  for (const route of place.virtualHost.routes) {
    const kind = `${route.action.kind} ${JSON.stringify(route.features["auth"])}`;
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    yield { side, placed: { place, route } };
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
