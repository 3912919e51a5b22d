import { alignedMap } from "../../ir/aligned.ts";
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

/** What an association leaves over. */
export interface Associated {
  readonly association: Association;
  /** Mappings that no Host takes. */
  readonly detached: readonly BuiltMapping[];
}

/** @returns which Mappings each Host takes; the Hosts of one Mapping are remembered while the set of Hosts is the same. */
export function associator(): (
  mappings: readonly BuiltMapping[],
  hosts: readonly BuiltHost[],
  /** The same in all calls. */
  loose?: boolean,
) => Associated {
  let index = indexHosts([]);
  let takersOf: (mappings: readonly BuiltMapping[]) => readonly (readonly number[])[] = alignedMap(() => []);
  let earlier: Association = new Map();
  let earlierMappings: readonly BuiltMapping[] = [];
  let result: Associated = { association: earlier, detached: [] };
  return (mappings, hosts, loose = false) => {
    const sameHosts = sameElements(index.all, hosts);
    if (sameHosts && mappings === earlierMappings) return result;
    if (!sameHosts) {
      index = indexHosts(hosts);
      const places = new Map(hosts.map((host, place) => [host, place]));
      const current = index;
      takersOf = alignedMap((mapping: BuiltMapping) =>
        (loose ? current.all : candidates(current, mapping))
          .filter((host) => takesMapping(host, mapping, loose))
          .map((host) => places.get(host) as number),
      );
    }
    earlierMappings = mappings;
    const lists: BuiltMapping[][] = hosts.map(() => []);
    const detached: BuiltMapping[] = [];
    const takers = takersOf(mappings);
    for (let i = 0; i < mappings.length; i++) {
      const mapping = mappings[i] as BuiltMapping;
      const taking = takers[i] as readonly number[];
      if (taking.length === 0) detached.push(mapping);
      for (const place of taking) (lists[place] as BuiltMapping[]).push(mapping);
    }
    const association = new Map(
      hosts.map((host, place): [BuiltHost, readonly BuiltMapping[]] => {
        const list = lists[place] as BuiltMapping[];
        const before = earlier.get(host);
        return [host, before !== undefined && sameElements(before, list) ? before : list];
      }),
    );
    earlier = association;
    result = { association, detached };
    return result;
  };
}
