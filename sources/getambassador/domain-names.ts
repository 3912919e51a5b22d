import { compareText } from "../../ir/problem.ts";
import type { BuiltHost } from "./host.ts";
import { globCovers, globsOverlap, parseGlob } from "./hostname.ts";
import type { BuiltMapping } from "./mapping.ts";

/** Past this many copies per Mapping, host names stay conditions inside their Host's one virtual host. */
const MAX_COPIES = 4;
/** Below this many copies in all it does not matter. */
const FEW_COPIES = 1000;

/** Mappings by hostname; undefined for those that have none, whose Host was chosen by labels or by a regex. */
export type ByHostname = ReadonlyMap<string | undefined, readonly BuiltMapping[]>;

export function isExact(name: string | undefined): name is string {
  return name !== undefined && parseGlob(name).kind === "exact";
}

/** The Host whose hostname is the closest cover of a domain owns it. */
export function ownerOf(domain: string, hosts: readonly BuiltHost[]): BuiltHost | undefined {
  let owner: BuiltHost | undefined;
  for (const host of hosts) {
    if (!globCovers(host.hostname, domain)) continue;
    if (owner === undefined || globCovers(owner.hostname, host.hostname)) owner = host;
  }
  return owner;
}

/** Whether host names become domains of their own, by how many copies of Mappings that would make. */
export function areSplit(domains: number, wideMappings: number, mappings: number): boolean {
  return domains > 1 && domains * wideMappings <= MAX_COPIES * mappings + FEW_COPIES;
}

export interface WideMappings {
  /** By hostname: those whose hostname is no exact name. */
  readonly byHostname: readonly (readonly [string | undefined, readonly BuiltMapping[]])[];
  readonly count: number;
}

export function wideMappings(byHostname: ByHostname): WideMappings {
  const wide = [...byHostname].filter(([name]) => !isExact(name));
  // The gateway's own are few, and are not what makes too many copies.
  const count = wide.reduce((sum, [, list]) => sum + list.filter((mapping) => mapping.everywhere !== true).length, 0);
  return { byHostname: wide, count };
}

/**
 * The domains of a wildcard Host: its hostname, and each narrower hostname of its Mappings, so that Envoy finds them by hash
 * rather than by a condition on every route. A Mapping is in every domain that its hostname overlaps; where that would
 * make too many copies, there is only the Host's own domain, with all of them.
 */
export function domainsOf(
  hostname: string,
  byHostname: ByHostname,
  wide: WideMappings,
): ReadonlyMap<string, readonly BuiltMapping[]> {
  const narrower: string[] = [];
  let mappings = 0;
  for (const [name, list] of byHostname) {
    mappings += list.length;
    if (name !== undefined && name !== hostname && globCovers(hostname, name)) narrower.push(name);
  }
  const domains = [hostname, ...narrower.sort(compareText)];
  if (!areSplit(domains.length, wide.count, mappings)) {
    const [only] = byHostname.values();
    return new Map([[hostname, byHostname.size === 1 && only !== undefined ? only : [...byHostname.values()].flat()]]);
  }
  return new Map(domains.map((domain) => [domain, mappingsOf(domain, byHostname, wide)]));
}

/** The Mappings whose hostname overlaps a domain. */
export function mappingsOf(domain: string, byHostname: ByHostname, wide: WideMappings): readonly BuiltMapping[] {
  // Exact names have a domain of their own: in a wildcard domain nothing of theirs can arrive.
  const list = isExact(domain) ? [...(byHostname.get(domain) ?? [])] : [];
  for (const [name, some] of wide.byHostname) if (name === undefined || globsOverlap(name, domain)) list.push(...some);
  return list;
}
