import { diffLists, type ListDiff, patchSorted } from "../../ir/aligned.ts";
import { memoForever, sameElements } from "../../ir/memo.ts";
import { compareText } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";
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

/** All of a Host that decides which Mappings it takes. */
const claimOf = memoForever(({ hostname, selector }: BuiltHost): string => JSON.stringify([hostname, selector]));

/** Whether Hosts take what others took in their places, whatever else has changed in them. */
function haveSameClaims(hosts: readonly BuiltHost[], others: readonly BuiltHost[]): boolean {
  const isAlike = (host: BuiltHost, other: BuiltHost | undefined) =>
    host === other || (other !== undefined && claimOf(host) === claimOf(other));
  return hosts.length === others.length && hosts.every((host, at) => isAlike(host, others[at]));
}

/** What an association leaves over. */
export interface Associated {
  readonly association: Association;
  /** Mappings that no Host takes. */
  readonly detached: readonly BuiltMapping[];
}

/** By key, as resources come. The order of these lists means nothing, but the same order makes them cheap to compare. */
const byKey = (a: BuiltMapping, b: BuiltMapping) => compareText(keyOf(a.resource), keyOf(b.resource));

/** @returns which Mappings each Host takes; while the Hosts claim the same, only Mappings that come and go are looked at. */
export function associator(): (
  mappings: readonly BuiltMapping[],
  hosts: readonly BuiltHost[],
  /** The same in all calls. */
  loose?: boolean,
) => Associated {
  let index = indexHosts([]);
  let earlierMappings: readonly BuiltMapping[] = [];
  let result: Associated = { association: new Map(), detached: [] };

  /** What changes for each Host; for undefined: what changes for the Mappings that no Host takes. */
  const changesByTaker = ({ removed, added }: ListDiff<BuiltMapping>, loose: boolean) => {
    const changes = new Map<BuiltHost | undefined, { removed: BuiltMapping[]; added: BuiltMapping[] }>();
    const note = (mapping: BuiltMapping, what: "removed" | "added"): void => {
      const some = loose ? index.all : candidates(index, mapping);
      const taking = some.filter((host) => takesMapping(host, mapping, loose));
      for (const taker of taking.length === 0 ? [undefined] : taking) {
        let change = changes.get(taker);
        if (change === undefined) changes.set(taker, (change = { removed: [], added: [] }));
        change[what].push(mapping);
      }
    };
    for (const mapping of removed) note(mapping, "removed");
    for (const mapping of added) note(mapping, "added");
    return changes;
  };

  return (mappings, hosts, loose = false) => {
    const earlierHosts = index.all;
    const sameHosts = sameElements(earlierHosts, hosts);
    if (sameHosts && mappings === earlierMappings) return result;
    if (!sameHosts) index = indexHosts(hosts);
    const sameClaims = sameHosts || haveSameClaims(hosts, earlierHosts);
    const diff = sameClaims ? diffLists(earlierMappings, mappings) : { removed: [], added: mappings };
    const changes = changesByTaker(diff, loose);
    earlierMappings = mappings;
    const now = (taker: BuiltHost | undefined, before: readonly BuiltMapping[]): readonly BuiltMapping[] => {
      const change = changes.get(taker);
      if (sameClaims) return change === undefined ? before : patchSorted(before, change, byKey);
      const list = change?.added ?? [];
      return sameElements(before, list) ? before : list;
    };
    const takenBefore = (host: BuiltHost, at: number): readonly BuiltMapping[] =>
      result.association.get(sameClaims ? (earlierHosts[at] ?? host) : host) ?? [];
    result = {
      association: new Map(hosts.map((host, at) => [host, now(host, takenBefore(host, at))])),
      detached: now(undefined, result.detached),
    };
    return result;
  };
}
