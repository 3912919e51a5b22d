import { compareText, type Problem } from "../../ir/problem.ts";
import type { Counters } from "../../ir/counters.ts";
import { resort, sameElements } from "../../ir/memo.ts";
import type { Cluster, Route, VirtualHost } from "../../ir/types.ts";
import { buildGroup, type Group } from "./group.ts";
import type { Association } from "./associate.ts";
import type { BuiltHost } from "./host.ts";
import { globCovers, globsOverlap, parseGlob } from "./hostname.ts";
import type { BuiltMapping } from "./mapping.ts";
import { type Arrival, routesOf } from "./routes.ts";

/** One Envoy domain of a set of Hosts with its Mappings grouped, weighted and in order. */
export interface Domain {
  readonly domain: string;
  readonly host: BuiltHost;
  readonly groups: readonly Group[];
  readonly clusters: readonly Cluster[];
  readonly problems: readonly Problem[];
}

/** Past this many copies per Mapping, host names stay conditions inside their Host's one virtual host. */
const MAX_COPIES = 4;

/** Of two groups the one that is tried first: the greater order key, then the smaller name. */
function compareGroups(a: Group, b: Group): number {
  return compareText(b.orderKey, a.orderKey) || compareText(a.name, b.name);
}

/** Longer globs first; the Host whose hostname is the closest cover of a domain owns it. */
function ownerOf(domain: string, hosts: readonly BuiltHost[]): BuiltHost | undefined {
  let owner: BuiltHost | undefined;
  for (const host of hosts) {
    if (!globCovers(host.hostname, domain)) continue;
    if (owner === undefined || globCovers(owner.hostname, host.hostname)) owner = host;
  }
  return owner;
}

/**
 * The domains of a Host: its hostname, and each narrower hostname of its Mappings, so that Envoy finds them by hash rather
 * than by a condition on every route. A Mapping is in every domain that its hostname overlaps.
 */
function domainsOf(host: BuiltHost, mappings: readonly BuiltMapping[]): Map<string, readonly BuiltMapping[]> {
  const single = new Map([[host.hostname, mappings]]);
  if (parseGlob(host.hostname).kind === "exact") return single;
  const byHostname = new Map<string | undefined, BuiltMapping[]>();
  for (const mapping of mappings) {
    const known = byHostname.get(mapping.hostname);
    if (known === undefined) byHostname.set(mapping.hostname, [mapping]);
    else known.push(mapping);
  }
  const narrower = [...byHostname.keys()].filter(
    (name): name is string => name !== undefined && name !== host.hostname && globCovers(host.hostname, name),
  );
  if (narrower.length === 0) return single;
  const domains = [host.hostname, ...narrower.sort(compareText)];
  const wide = [...byHostname].filter(([name]) => name === undefined || parseGlob(name).kind !== "exact");
  const copies = domains.length * wide.reduce((sum, [, list]) => sum + list.length, 0) + mappings.length;
  if (copies > MAX_COPIES * mappings.length + 1000) return single;
  const result = new Map<string, readonly BuiltMapping[]>();
  for (const domain of domains) {
    // Exact names have a domain of their own: in a wildcard domain nothing of theirs can arrive.
    const list = parseGlob(domain).kind === "exact" ? [...(byHostname.get(domain) ?? [])] : [];
    for (const [name, some] of wide) if (name === undefined || globsOverlap(name, domain)) list.push(...some);
    result.set(domain, list);
  }
  return result;
}

export interface DomainBuilder {
  /** Domains of Hosts that share a RouteConfiguration, sorted by domain. */
  domainsOfHosts(hosts: readonly BuiltHost[], association: Association): readonly Domain[];
  /** The virtual host of a domain for one way of arriving; the same object for the same question. */
  virtualHost(domain: Domain, arrival: Arrival): VirtualHost;
}

interface Slot {
  readonly mappings: readonly BuiltMapping[];
  readonly domain: Domain;
}

export function domainBuilder(counters: () => Counters): DomainBuilder {
  const slots = new WeakMap<BuiltHost, ReadonlyMap<string, Slot>>();
  const hostInputs = new WeakMap<BuiltHost, { readonly mappings: readonly BuiltMapping[]; readonly slots: ReadonlyMap<string, Slot> }>();
  const groups = new WeakMap<BuiltMapping, { readonly members: readonly BuiltMapping[]; readonly group: Group }>();
  const groupRoutes = new WeakMap<Group, Map<string, readonly Route[]>>();
  const virtualHosts = new WeakMap<Domain, Map<string, VirtualHost>>();

  /** @param key names the domain and the arrival: one text for the whole virtual host, so that a lookup is all a known group costs */
  const routesOfGroup = (group: Group, key: string, domain: string, arrival: Arrival): readonly Route[] => {
    let known = groupRoutes.get(group);
    if (known === undefined) groupRoutes.set(group, (known = new Map()));
    let routes = known.get(key);
    if (routes === undefined) {
      routes = group.members.flatMap(({ mapping, belowPercent }) => routesOf(mapping, { belowPercent, domain }, arrival));
      known.set(key, routes);
    }
    return routes;
  };

  const groupOf = (members: readonly BuiltMapping[]): Group => {
    const first = members[0] as BuiltMapping;
    const known = groups.get(first);
    if (known !== undefined && sameElements(known.members, members)) return known.group;
    counters().groups++;
    const group = buildGroup(members);
    groups.set(first, { members, group });
    return group;
  };

  const build = (host: BuiltHost, domain: string, mappings: readonly BuiltMapping[], earlier: Domain | undefined): Domain => {
    counters().domains++;
    const byKey = new Map<string, BuiltMapping[]>();
    for (const mapping of mappings) {
      const known = byKey.get(mapping.groupKey);
      if (known === undefined) byKey.set(mapping.groupKey, [mapping]);
      else known.push(mapping);
    }
    const unsorted = [...byKey.values()].map(groupOf);
    const sorted = resort(earlier?.groups ?? [], unsorted, compareGroups);
    const clusters: Cluster[] = [];
    const problems: Problem[] = [];
    for (const group of sorted) {
      if (group.problems.length > 0) problems.push(...group.problems);
      for (const { mapping } of group.members) if (mapping.cluster !== undefined) clusters.push(mapping.cluster);
    }
    return { domain, host, groups: sorted, clusters, problems };
  };

  const slotsOf = (host: BuiltHost, mappings: readonly BuiltMapping[]): ReadonlyMap<string, Slot> => {
    const input = hostInputs.get(host);
    if (input !== undefined && input.mappings === mappings) return input.slots;
    const before = slots.get(host);
    const now = new Map<string, Slot>();
    for (const [domain, list] of domainsOf(host, mappings)) {
      const slot = before?.get(domain);
      const same = slot !== undefined && sameElements(slot.mappings, list);
      now.set(domain, same ? slot : { mappings: list, domain: build(host, domain, list, slot?.domain) });
    }
    slots.set(host, now);
    hostInputs.set(host, { mappings, slots: now });
    return now;
  };

  return {
    domainsOfHosts(hosts, association) {
      const result: Domain[] = [];
      for (const host of hosts) {
        for (const { domain } of slotsOf(host, association.get(host) ?? []).values()) {
          if (hosts.length === 1 || ownerOf(domain.domain, hosts) === host) result.push(domain);
        }
      }
      return result.sort((a, b) => compareText(a.domain, b.domain));
    },

    virtualHost(domain, arrival) {
      const key = arrival.kind === "secure" ? "secure" : `${arrival.kind} ${arrival.action}`;
      let known = virtualHosts.get(domain);
      if (known === undefined) virtualHosts.set(domain, (known = new Map()));
      const earlier = known.get(key);
      if (earlier !== undefined) return earlier;
      const routes: Route[] = [];
      const groupKey = `${key} ${domain.domain}`;
      for (const group of domain.groups) for (const route of routesOfGroup(group, groupKey, domain.domain, arrival)) routes.push(route);
      const virtualHost: VirtualHost = { name: domain.domain, domain: domain.domain, routes };
      known.set(key, virtualHost);
      return virtualHost;
    },
  };
}
