import { alignedMap, diffLists, type ListDiff, patchSorted } from "../../ir/aligned.ts";
import type { Counters } from "../../ir/counters.ts";
import { compareText, type Problem } from "../../ir/problem.ts";
import type { Cluster, Route, VirtualHost } from "../../ir/types.ts";
import type { Association } from "./associate.ts";
import { areSplit, domainsOf, isExact, mappingsOf, ownerOf, type WideMappings, wideMappings } from "./domain-names.ts";
import { buildGroup, type Group } from "./group.ts";
import type { BuiltHost } from "./host.ts";
import type { BuiltMapping } from "./mapping.ts";
import type { Rivals } from "./rivals.ts";
import { type Arrival, routesOf, virtualHostFeatures } from "./routes.ts";

/** One Envoy domain of a Host with its Mappings grouped, weighted and in order. A new object whenever something in it changes. */
export interface Domain {
  readonly domain: string;
  readonly host: BuiltHost;
  /** In the order in which they are tried. */
  readonly groups: readonly Group[];
  readonly clusters: readonly Cluster[];
  readonly problems: readonly Problem[];
}

export interface DomainBuilder {
  /** Domains of Hosts that share a RouteConfiguration, without those of rivals, sorted by domain. */
  domainsOfHosts(hosts: readonly BuiltHost[], association: Association, rivals: Rivals): readonly Domain[];
  /** The virtual host of a domain for one way of arriving; the same object for the same question. */
  virtualHost(domain: Domain, arrival: Arrival): VirtualHost;
  /** The Host that a virtual host was made for. */
  hostOf(virtualHost: VirtualHost): BuiltHost | undefined;
}

/** The routes of a domain for one way of arriving. */
interface Lane {
  readonly routesOfGroups: (groups: readonly Group[]) => readonly (readonly Route[])[];
  of?: Domain;
  virtualHost?: VirtualHost;
}

/** What is known of a domain from run to run. */
interface Slot {
  mappings: readonly BuiltMapping[];
  readonly groups: Map<string, Group>;
  domain: Domain;
  readonly lanes: Map<string, Lane>;
}

/** What is known of a Host from run to run. */
interface HostState {
  mappings: readonly BuiltMapping[];
  readonly byHostname: Map<string | undefined, readonly BuiltMapping[]>;
  wide: WideMappings;
  slots: ReadonlyMap<string, Slot>;
}

/** Of two groups the one that is tried first: the greater order key, then the smaller name. A total order. */
function compareGroups(a: Group, b: Group): number {
  return compareText(b.orderKey, a.orderKey) || compareText(a.name, b.name) || compareText(a.key, b.key);
}

export function domainBuilder(counters: () => Counters): DomainBuilder {
  const hosts = new WeakMap<BuiltHost, HostState>();
  const slotOf = new WeakMap<Domain, Slot>();
  const hostOf = new WeakMap<VirtualHost, BuiltHost>();

  const updateSlot = (slot: Slot, mappings: readonly BuiltMapping[]): Slot => {
    const diff = diffLists(slot.mappings, mappings);
    slot.mappings = mappings;
    if (diff.removed.length === 0 && diff.added.length === 0) return slot;
    counters().domains++;
    const groupDiff = regroup(slot.groups, diff, counters);
    const groups = patchSorted(slot.domain.groups, groupDiff, compareGroups);
    slot.domain = { ...slot.domain, groups, ...contentOf(groups, slot.domain.clusters) };
    slotOf.set(slot.domain, slot);
    return slot;
  };

  const newSlot = (host: BuiltHost, domain: string): Slot => {
    const empty: Domain = { domain, host, groups: [], clusters: [], problems: [] };
    const slot: Slot = { mappings: [], groups: new Map(), domain: empty, lanes: new Map() };
    slotOf.set(empty, slot);
    return slot;
  };

  const slotsOf = (host: BuiltHost, mappings: readonly BuiltMapping[]): ReadonlyMap<string, Slot> => {
    let state = hosts.get(host);
    if (state === undefined) {
      state = { mappings: [], byHostname: new Map(), wide: { byHostname: [], count: 0 }, slots: new Map() };
      hosts.set(host, state);
    } else if (state.mappings === mappings) {
      return state.slots;
    }
    const diff = diffLists(state.mappings, mappings);
    state.mappings = mappings;
    let lists: ReadonlyMap<string, readonly BuiltMapping[]>;
    if (isExact(host.hostname)) {
      lists = new Map([[host.hostname, mappings]]);
    } else {
      const { byHostname } = state;
      const { names, shape } = rebucket(byHostname, diff);
      if (shape) state.wide = wideMappings(byHostname);
      const { wide, slots } = state;
      if (!shape && areSplit(slots.size, wide.count, mappings.length)) {
        for (const name of names) updateSlot(slots.get(name) as Slot, mappingsOf(name, byHostname, wide));
        return slots;
      }
      lists = domainsOf(host.hostname, byHostname, wide);
    }
    const before = state.slots;
    state.slots = new Map(
      [...lists].map(([domain, list]) => [domain, updateSlot(before.get(domain) ?? newSlot(host, domain), list)]),
    );
    return state.slots;
  };

  return {
    domainsOfHosts(some, association, rivals) {
      const result: Domain[] = [];
      for (const host of some) {
        for (const { domain } of slotsOf(host, association.get(host) ?? []).values()) {
          const isOwn = some.length === 1 || ownerOf(domain.domain, some) === host;
          if (isOwn && !rivals.own(domain.domain, host)) result.push(domain);
        }
      }
      return result.sort((a, b) => compareText(a.domain, b.domain));
    },

    virtualHost(domain, arrival) {
      const slot = slotOf.get(domain) as Slot;
      const key = arrival.kind === "secure" ? "secure" : `${arrival.kind} ${arrival.action}`;
      let lane = slot.lanes.get(key);
      if (lane === undefined) {
        lane = { routesOfGroups: alignedMap((group: Group) => routesOfGroup(group, domain.domain, arrival)) };
        slot.lanes.set(key, lane);
      }
      if (lane.of === domain && lane.virtualHost !== undefined) return lane.virtualHost;
      const routes: Route[] = [];
      for (const some of lane.routesOfGroups(domain.groups)) for (const route of some) routes.push(route);
      lane.of = domain;
      lane.virtualHost = { name: domain.domain, domain: domain.domain, ...virtualHostFeatures(arrival), routes };
      hostOf.set(lane.virtualHost, domain.host);
      return lane.virtualHost;
    },

    hostOf: (virtualHost) => hostOf.get(virtualHost),
  };
}

function routesOfGroup(group: Group, domain: string, arrival: Arrival): readonly Route[] {
  return group.members.flatMap(({ mapping, belowPercent, features }) =>
    routesOf(mapping, { belowPercent, features, domain }, arrival),
  );
}

/** Moves Mappings between the lists of their host names. `shape`: the set of names changed, or a list that belongs to several domains. */
function rebucket(
  byHostname: Map<string | undefined, readonly BuiltMapping[]>,
  { removed, added }: ListDiff<BuiltMapping>,
): { readonly names: ReadonlySet<string>; readonly shape: boolean } {
  const touched = new Map<string | undefined, BuiltMapping[]>();
  let shape = false;
  const listOf = (name: string | undefined): BuiltMapping[] => {
    let list = touched.get(name);
    if (list === undefined) touched.set(name, (list = [...(byHostname.get(name) ?? [])]));
    return list;
  };
  for (const mapping of removed) {
    const list = listOf(mapping.hostname);
    list.splice(list.indexOf(mapping), 1);
  }
  for (const mapping of added) listOf(mapping.hostname).push(mapping);
  for (const [name, list] of touched) {
    if (!isExact(name) || list.length === 0 || !byHostname.has(name)) shape = true;
    if (list.length === 0) byHostname.delete(name);
    else byHostname.set(name, list);
  }
  return { names: new Set([...touched.keys()].filter((name) => name !== undefined)), shape };
}

/** Builds the groups anew that a difference touches. */
function regroup(
  groups: Map<string, Group>,
  { removed, added }: ListDiff<BuiltMapping>,
  counters: () => Counters,
): ListDiff<Group> {
  const touched = new Map<string, Set<BuiltMapping>>();
  const membersOf = (key: string): Set<BuiltMapping> => {
    let members = touched.get(key);
    if (members === undefined) touched.set(key, (members = new Set(groups.get(key)?.mappings ?? [])));
    return members;
  };
  for (const mapping of removed) membersOf(mapping.groupKey).delete(mapping);
  for (const mapping of added) membersOf(mapping.groupKey).add(mapping);
  const diff: { removed: Group[]; added: Group[] } = { removed: [], added: [] };
  for (const [key, members] of touched) {
    const earlier = groups.get(key);
    if (earlier !== undefined) diff.removed.push(earlier);
    if (members.size === 0) {
      groups.delete(key);
      continue;
    }
    counters().groups++;
    const group = buildGroup(key, [...members]);
    groups.set(key, group);
    diff.added.push(group);
  }
  return diff;
}

/** Clusters of equal names are equal, so the earlier list stays where the names do. */
function contentOf(groups: readonly Group[], earlier: readonly Cluster[]): Pick<Domain, "clusters" | "problems"> {
  const clusters: Cluster[] = [];
  const problems: Problem[] = [];
  for (const group of groups) {
    for (const cluster of group.clusters) clusters.push(cluster);
    for (const problem of group.problems) problems.push(problem);
  }
  const isSame =
    clusters.length === earlier.length && clusters.every(({ name }, index) => name === earlier[index]?.name);
  return { clusters: isSame ? earlier : clusters, problems };
}
