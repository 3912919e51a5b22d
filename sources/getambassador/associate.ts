import { sameElements } from "../../ir/memo.ts";
import { type BuiltHost, takesMapping } from "./host.ts";
import { parseGlob } from "./hostname.ts";
import type { BuiltMapping } from "./mapping.ts";

/** The Mappings of each Host. Arrays keep their identity while their content does. */
export type Association = ReadonlyMap<BuiltHost, readonly BuiltMapping[]>;

interface HostIndex {
  readonly exact: ReadonlyMap<string, readonly BuiltHost[]>;
  readonly wildcards: readonly BuiltHost[];
  readonly all: readonly BuiltHost[];
}

function indexHosts(hosts: readonly BuiltHost[]): HostIndex {
  const exact = new Map<string, BuiltHost[]>();
  const wildcards: BuiltHost[] = [];
  for (const host of hosts) {
    if (parseGlob(host.hostname).kind !== "exact") {
      wildcards.push(host);
      continue;
    }
    const known = exact.get(host.hostname);
    if (known === undefined) exact.set(host.hostname, [host]);
    else known.push(host);
  }
  return { exact, wildcards, all: hosts };
}

/** Hosts that could take the Mapping: for an exact hostname only those of that name and the wildcards. */
function candidates(index: HostIndex, mapping: BuiltMapping): readonly BuiltHost[] {
  if (mapping.hostname === undefined || parseGlob(mapping.hostname).kind !== "exact") return index.all;
  const exact = index.exact.get(mapping.hostname);
  return exact === undefined ? index.wildcards : [...exact, ...index.wildcards];
}

/** @returns which Mappings each Host takes; the Hosts of one Mapping are remembered while the set of Hosts is the same. */
export function associator(): (mappings: readonly BuiltMapping[], hosts: readonly BuiltHost[]) => Association {
  let index: HostIndex | undefined;
  let remembered = new WeakMap<BuiltMapping, readonly BuiltHost[]>();
  let earlier: Association = new Map();
  return (mappings, hosts) => {
    if (index === undefined || !sameElements(index.all, hosts)) {
      index = indexHosts(hosts);
      remembered = new WeakMap();
    }
    const lists = new Map<BuiltHost, BuiltMapping[]>(hosts.map((host) => [host, []]));
    for (const mapping of mappings) {
      let taking = remembered.get(mapping);
      if (taking === undefined) {
        taking = candidates(index, mapping).filter((host) => takesMapping(host, mapping));
        remembered.set(mapping, taking);
      }
      for (const host of taking) lists.get(host)?.push(mapping);
    }
    const result = new Map<BuiltHost, readonly BuiltMapping[]>();
    for (const [host, list] of lists) {
      const before = earlier.get(host);
      result.set(host, before !== undefined && sameElements(before, list) ? before : list);
    }
    earlier = result;
    return result;
  };
}
