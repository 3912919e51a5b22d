/** The routes from which requests are taken that a change may answer otherwise: those that differ, and what stands around them. */
import type { HttpFilter, Ir, Route, VirtualHost } from "../../ir/types.ts";
import { AUTH_UNUSABLE, EXT_AUTHZ } from "../../features/auth.ts";
import { matchRequest } from "../match/match.ts";
import { rewriteOf } from "./answer.ts";
import {
  type Changes,
  type Place,
  type PlacedRoute,
  type RouteChange,
  sameContent,
  type VirtualHostChange,
} from "./changes.ts";
import { type PathSpan, spanOf, spansMeet } from "./cover.ts";
import { anyRequests } from "./witness.ts";

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
/** Of a virtual host that is judged as a whole so many kinds of routes. */
const MOST_KINDS = 16;

/** Where to take a request from: a route as it stands before the change, or after it. */
export interface Suspect {
  readonly side: "before" | "after";
  readonly placed: PlacedRoute;
  /** The route is there after the change. */
  readonly stays: boolean;
  /** Asked by a name of this domain, which the route's virtual host serves or served as well. */
  readonly domain?: string;
}

/** The likeliest to have changed come first. */
export function* suspectsOf(question: Question): Generator<Suspect> {
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
    const gone = [...changed.map((pair) => pair.before), ...routes.removed];
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

/** Routes further down that lose requests to one that comes, or get those of one that goes; and shares above, the rest of which goes on. */
function* neighbours({ before, after, routes, moved }: VirtualHostChange, { limit }: Question): Generator<Suspect> {
  if (before === undefined || after === undefined) return;
  const changed = routes.changed.filter(takesOthers);
  const come = [...routes.added, ...changed.map((pair) => pair.after), ...moved];
  const gone = [...routes.removed, ...changed.map((pair) => pair.before), ...moved];
  for (const route of below(after.virtualHost, come, limit))
    yield { side: "before", placed: { place: before, route }, stays: true };
  for (const route of below(before.virtualHost, gone, limit))
    yield { side: "after", placed: { place: after, route }, stays: true };
  const others = routes.changed.filter((pair) => mattersToRequests(pair) && !takesOthers(pair));
  for (const route of sharesAbove(after.virtualHost, [...come, ...others.map((pair) => pair.after)]))
    yield { side: "after", placed: { place: after, route }, stays: true };
  for (const route of sharesAbove(before.virtualHost, gone))
    yield { side: "before", placed: { place: before, route }, stays: false };
}

/** Routes that pass a part of their requests on to some of these. */
function* sharesAbove({ routes }: VirtualHost, some: readonly Route[]): Generator<Route> {
  const wanted = new Set(some);
  const below: PathSpan[] = [];
  for (let at = routes.length - 1; at >= 0 && wanted.size > 0; at--) {
    const route = routes[at] as Route;
    const span = spanOf(route.match);
    if (route.belowPercent !== undefined && below.some((each) => spansMeet(each, span))) yield route;
    if (wanted.has(route) && below.length < MOST_ABOVE) below.push(span);
  }
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
  const [place, own, other, side] =
    before === undefined
      ? ([after, question.after, question.before, "before"] as const)
      : ([before, question.before, question.after, "after"] as const);
  if (place === undefined) return;
  const { virtualHost } = place;
  // Whoever serves the name where this virtual host is not there.
  for (const request of anyRequests(place)) {
    if (matchRequest(own, request).domain?.virtualHost !== virtualHost) continue;
    const { listener, chain, domain: found } = matchRequest(other, request);
    if (listener === undefined || chain?.kind !== "http" || found?.virtualHost === undefined) return;
    const wide: Place = { listener, chain, virtualHost: found.virtualHost };
    for (const route of wide.virtualHost.routes)
      yield { side, placed: { place: wide, route }, domain: virtualHost.domain, stays: false };
    return;
  }
}

/** Of a virtual host the first route of each kind: forwarding ones by what they say of authorization, redirects. */
function* kindsOf(place: Place, side: Suspect["side"]): Generator<Suspect> {
  const kinds = new Set<string>();
  for (const route of place.virtualHost.routes) {
    const kind = `${route.action.kind} ${JSON.stringify(route.features["auth"])}`;
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    yield { side, placed: { place, route }, stays: false };
    if (kinds.size === MOST_KINDS) return;
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
