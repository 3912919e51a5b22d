/** What differs between two compiles of one compiler. What neither has touched has the same identity in both, and is passed by. */
import { diffLists } from "../../ir/aligned.ts";
import { diffMaps } from "../../ir/bucket-map.ts";
import type { HttpChain, HttpFilter, Ir, Listener, Route, TcpChain, VirtualHost } from "../../ir/types.ts";

export interface Changed<T> {
  readonly before: T;
  readonly after: T;
}

export interface Changes<T> {
  readonly added: readonly T[];
  readonly changed: readonly Changed<T>[];
  readonly removed: readonly T[];
}

/** A virtual host where its requests arrive. */
export interface Place {
  readonly listener: Listener;
  readonly chain: HttpChain;
  readonly virtualHost: VirtualHost;
}

export interface PlacedRoute {
  readonly place: Place;
  readonly route: Route;
}

/** A route that is not what it was, and whether it has another place among those that are. */
export interface RouteChange extends Changed<Route> {
  readonly isMoved: boolean;
}

export interface RouteChanges extends Changes<Route> {
  readonly changed: readonly RouteChange[];
}

/** A virtual host that is not what it was; at least one of the two is there. */
export interface VirtualHostChange {
  readonly before: Place | undefined;
  readonly after: Place | undefined;
  /** Those that answer otherwise; what has merely been made again is not among them. */
  readonly routes: RouteChanges;
  /** Routes whose place in the order has changed. */
  readonly moved: readonly Route[];
}

/** Routes, clusters and so on by what they say: an object that was made again is the same as long as it says the same. */
export function sameContent(a: unknown, b: unknown): boolean {
  return a === b || textOf(a) === textOf(b);
}

function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (key, each: unknown) =>
    key === "source" || key === "sources" || key === "object" ? undefined : each,
  );
}

/** The differences of two maps by name. */
export function mapChanges<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  isSame: (a: T, b: T) => boolean = sameContent,
): Changes<T> {
  const { changed: different, gone } = diffMaps(before, after);
  const added: T[] = [];
  const changed: Changed<T>[] = [];
  for (const [name, item] of different) {
    const was = before.get(name);
    if (was === undefined) added.push(item);
    else if (!isSame(was, item)) changed.push({ before: was, after: item });
  }
  return { added, changed, removed: gone.map((name) => before.get(name) as T) };
}

/** The differences of two lists of things with names that none has twice. */
export function listChanges<T>(before: readonly T[], after: readonly T[], nameOf: (item: T) => string): Changes<T> {
  if (before === after) return none;
  const byName = (list: readonly T[]) => new Map(list.map((item) => [nameOf(item), item]));
  return mapChanges(byName(before), byName(after));
}

const none = { added: [], changed: [], removed: [] };

/** Filters by name; an AuthService that is replaced by another one is the same filter with other settings. */
export function filterChanges(before: Ir, after: Ir): Changes<HttpFilter> {
  return listChanges(before.filters, after.filters, ({ name }) => name);
}

/** Chains for connections that are handed on as they are, by listener and name. */
export function tcpChainChanges(
  before: Ir,
  after: Ir,
): Changes<{ readonly listener: Listener; readonly chain: TcpChain }> {
  if (before.listeners === after.listeners) return none;
  const chainsOf = ({ listeners }: Ir) =>
    listeners.flatMap((listener) =>
      listener.chains.flatMap((chain) => (chain.kind === "tcp" ? [{ listener, chain }] : [])),
    );
  const byName = (ir: Ir) =>
    new Map(chainsOf(ir).map((placed) => [`${placed.listener.name} ${placed.chain.name}`, placed] as const));
  const [was, is] = [byName(before), byName(after)];
  const { added, changed, removed } = mapChanges(
    new Map([...was].map(([name, { chain }]) => [name, chain])),
    new Map([...is].map(([name, { chain }]) => [name, chain])),
  );
  const at = (placed: typeof was, chain: TcpChain) =>
    [...placed.values()].find((each) => each.chain === chain) as { listener: Listener; chain: TcpChain };
  return {
    added: added.map((chain) => at(is, chain)),
    changed: changed.map((pair) => ({ before: at(was, pair.before), after: at(is, pair.after) })),
    removed: removed.map((chain) => at(was, chain)),
  };
}

/** Every virtual host whose routes, or what its connections are asked for, differ. */
export function virtualHostChanges(before: Ir, after: Ir): readonly VirtualHostChange[] {
  const was = changedPlaces(before, after);
  const is = changedPlaces(after, before);
  const changes: VirtualHostChange[] = [];
  for (const [key, place] of was) {
    const next = is.get(key);
    const isSame =
      next !== undefined &&
      next.virtualHost === place.virtualHost &&
      sameContent(next.chain.tls, place.chain.tls) &&
      next.listener.port === place.listener.port;
    if (!isSame) changes.push(changeOf(place, next));
  }
  for (const [key, place] of is) if (!was.has(key)) changes.push(changeOf(undefined, place));
  return changes;
}

/**
 * Of `ir` what `other` does not have as it is, by how its requests arrive: neither the names of tables nor those of chains count, since
 * Hosts join and leave chains.
 */
function changedPlaces(ir: Ir, other: Ir): ReadonlyMap<string, Place> {
  const known = new Map(other.listeners.map((listener) => [listener.name, listener]));
  const places = new Map<string, Place>();
  for (const listener of ir.listeners) {
    const counterpart = known.get(listener.name);
    const chains = counterpart === listener ? undefined : new Set(counterpart?.chains.map((chain) => textOf(chain)));
    for (const chain of listener.chains) {
      if (chain.kind !== "http") continue;
      const table = ir.tables.get(chain.table);
      if (table === undefined) continue;
      const isKnown = chains === undefined || (counterpart?.port === listener.port && chains.has(textOf(chain)));
      if (isKnown && other.tables.get(chain.table) === table) continue;
      for (const virtualHost of table.virtualHosts) {
        const key = `${listener.name} ${chain.tls === undefined ? "http" : "https"} ${virtualHost.domain}`;
        places.set(places.has(key) ? `${key} ${table.name}` : key, { listener, chain, virtualHost });
      }
    }
  }
  return places;
}

function changeOf(before: Place | undefined, after: Place | undefined): VirtualHostChange {
  return { before, after, ...routeChanges(before?.virtualHost.routes ?? [], after?.virtualHost.routes ?? []) };
}

function routeChanges(before: readonly Route[], after: readonly Route[]): Pick<VirtualHostChange, "routes" | "moved"> {
  const { removed, added } = diffLists(before, after);
  const left = byName(removed);
  const changes = { added: [] as Route[], changed: [] as RouteChange[], removed: [] as Route[] };
  const moved: Route[] = [];
  const placeBefore = placeAmong(before, new Set(removed));
  const placeAfter = placeAmong(after, new Set(added));
  for (const route of added) {
    const was = left.get(route.name)?.shift();
    if (was === undefined) {
      changes.added.push(route);
      continue;
    }
    const isMoved = placeBefore(was) !== placeAfter(route);
    if (!sameContent(was, route)) changes.changed.push({ before: was, after: route, isMoved });
    else if (isMoved) moved.push(route);
  }
  for (const list of left.values()) changes.removed.push(...list);
  return { routes: changes, moved };
}

/** After which of the routes that stay a route stands; undefined: before all of them. */
function placeAmong(routes: readonly Route[], others: ReadonlySet<Route>): (route: Route) => Route | undefined {
  return (route) => {
    let at = routes.indexOf(route) - 1;
    while (at >= 0 && others.has(routes[at] as Route)) at--;
    return routes[at];
  };
}

function byName(routes: readonly Route[]): Map<string, Route[]> {
  const found = new Map<string, Route[]>();
  for (const route of routes) {
    const list = found.get(route.name);
    if (list === undefined) found.set(route.name, [route]);
    else list.push(route);
  }
  return found;
}
