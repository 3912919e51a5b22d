/** Which route of the compiled configuration a request takes, by Envoy's own rules. */
import type { Chain, HttpChain, Ir, Listener, Route, Table, TcpChain } from "../../ir/types.ts";
import { findChain, seesTls, takesCleartext } from "./chain.ts";
import { findDomain, type FoundDomain } from "./domain.ts";
import { type Arrived, arrive, type Refusal, type Request, withoutAnyPort } from "./request.ts";
import { type Failure, failureOf, matches, mayMatch } from "./route.ts";

export type { Request } from "./request.ts";

export type Outcome =
  | { readonly kind: "route"; readonly route: Route }
  /** 404: the virtual host has no route that matches. */
  | { readonly kind: "noRoute" }
  /** 404: no virtual host has the name. */
  | { readonly kind: "noVirtualHost" }
  /** 421: the name is not of this connection's certificate. */
  | { readonly kind: "misdirected"; readonly domain: string }
  /** 400: Envoy takes no such request. */
  | { readonly kind: "refused"; readonly because: Refusal }
  /** The connection is handed on as it is: nobody reads requests. */
  | { readonly kind: "connection"; readonly chain: TcpChain }
  /** The connection is closed. */
  | { readonly kind: "noChain"; readonly because: "no TLS here" | "only TLS here" | "no such server name" }
  | { readonly kind: "noListener" };

export interface Match {
  readonly request: Request;
  readonly serverName: string | undefined;
  readonly listener?: Listener;
  /** The connection has TLS when it arrives. False for https where a trusted proxy in front ends TLS. */
  readonly secure: boolean;
  readonly chain?: Chain;
  readonly table?: Table;
  readonly domain?: FoundDomain;
  /** The request as routes see it. */
  readonly arrived?: Arrived;
  readonly outcome: Outcome;
}

/** How a request comes to a listener. */
interface Approach {
  readonly listener: Listener;
  readonly secure: boolean;
}

export function matchRequest(ir: Ir, request: Request): Match {
  const serverName = request.serverName ?? defaultServerName(request.authority);
  const approaches = approachesOf(ir, request);
  let best: Match | undefined;
  for (const approach of approaches) {
    const match = matchAt(ir, request, serverName, approach);
    // Of several listeners the one that has a virtual host of the name.
    if (match.domain?.virtualHost !== undefined || match.outcome.kind === "connection") return match;
    best ??= match;
  }
  return best ?? { request, serverName, secure: request.scheme === "https", outcome: { kind: "noListener" } };
}

/** Clients name no addresses. */
function defaultServerName(authority: string): string | undefined {
  const host = withoutAnyPort(authority);
  return host.startsWith("[") || /^\d+(\.\d+){3}$/.test(host) ? undefined : host.toLowerCase();
}

/** The listeners that a request may come to, the likeliest first. HTTP/3 is for clients that were told of it. */
function approachesOf({ listeners }: Ir, { scheme, port }: Request): readonly Approach[] {
  const open = [...listeners.filter(({ quic }) => !quic), ...listeners.filter(({ quic }) => quic)];
  const here = port === undefined ? open : open.filter((listener) => listener.port === port);
  const withTls = here.filter(seesTls).map((listener) => ({ listener, secure: true }));
  const cleartext = here.filter(takesCleartext).map((listener) => ({ listener, secure: false }));
  const behindProxy = cleartext.filter(({ listener }) => believesProxy(listener));
  const some = scheme === "http" ? cleartext : [...withTls, ...behindProxy];
  return some.length > 0 || port === undefined
    ? some
    : here.map((listener) => ({ listener, secure: scheme === "https" }));
}

/** A proxy in front tells by x-forwarded-proto how the client came. */
function believesProxy({ trustedHops, connectionManager }: Listener): boolean {
  return trustedHops > 0 || !connectionManager.useRemoteAddress;
}

function matchAt(ir: Ir, request: Request, serverName: string | undefined, { listener, secure }: Approach): Match {
  const base = { request, serverName, listener, secure };
  const chain = findChain(listener, secure, serverName);
  if (chain === undefined || (secure && !seesTls(listener))) {
    const because = !secure ? "only TLS here" : seesTls(listener) ? "no such server name" : "no TLS here";
    return { ...base, outcome: { kind: "noChain", because } };
  }
  if (chain.kind === "tcp") return { ...base, chain, outcome: { kind: "connection", chain } };
  return { ...base, chain, ...matchInTable(tableOf(ir, chain), told(request, secure), listener, secure) };
}

function tableOf({ tables }: Ir, { table: name }: HttpChain): Table {
  const table = tables.get(name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return table;
}

/** A proxy that ends TLS says so, whether the one who asks has thought of it or not. */
function told(request: Request, secure: boolean): Request {
  const { scheme, headers } = request;
  const isTold = headers.some(([name]) => name.toLowerCase() === "x-forwarded-proto");
  if (scheme === "http" || secure || isTold) return request;
  return { ...request, headers: [...headers, ["x-forwarded-proto", "https"]] };
}

function matchInTable(
  table: Table,
  request: Request,
  listener: Listener,
  secure: boolean,
): Pick<Match, "table" | "domain" | "arrived" | "outcome"> {
  const arrived = arrive(request, listener, secure);
  if ("refused" in arrived) return { table, outcome: { kind: "refused", because: arrived.refused } };
  const domain = findDomain(table, arrived.authority);
  if (domain === undefined) return { table, arrived, outcome: { kind: "noVirtualHost" } };
  const base = { table, domain, arrived };
  if (domain.virtualHost === undefined) return { ...base, outcome: { kind: "misdirected", domain: domain.domain } };
  const route = domain.virtualHost.routes.find((each) => matches(each, arrived));
  return { ...base, outcome: route === undefined ? { kind: "noRoute" } : { kind: "route", route } };
}

/** A route of the virtual host, and what the request lacks for it; undefined: it matches. */
export interface Considered {
  readonly route: Route;
  readonly failure: Failure | undefined;
}

/** Every route of the request's virtual host in the order in which they are tried, those after the one that is taken too. */
export function* considered({ domain, arrived }: Match): Generator<Considered> {
  if (arrived === undefined) return;
  for (const route of domain?.virtualHost?.routes ?? []) yield { route, failure: failureOf(route, arrived) };
}

export interface Drawn {
  readonly route: Route;
  /** Of 100 requests like this one so many take the route. */
  readonly percent: number;
}

/** Among which routes requests like this one are shared by weights; where nothing is left to chance, the one that takes all. */
export function drawOf({ domain, arrived }: Match): readonly Drawn[] {
  const drawn: Drawn[] = [];
  let taken = 0;
  if (arrived === undefined) return drawn;
  for (const route of domain?.virtualHost?.routes ?? []) {
    if (!mayMatch(route, arrived)) continue;
    // Each request has one number, so that routes further down get what is above all shares before them.
    const below = route.belowPercent ?? 100;
    if (below > taken) drawn.push({ route, percent: below - taken });
    taken = Math.max(taken, below);
    if (taken >= 100) break;
  }
  return drawn;
}
