import { compareText, type Problem } from "../../ir/problem.ts";
import type { ShadowSettings } from "../../features/shadow.ts";
import type { Cluster, FeatureSettings } from "../../ir/types.ts";
import { featuresInGroup } from "./group-features.ts";
import { rolesOf } from "./group-roles.ts";
import { type BuiltMapping, nameOf } from "./mapping.ts";
import { sharesOf, withinHundred } from "./weights.ts";

/** A Mapping of a canary group with its cumulative share. */
export interface Member {
  readonly mapping: BuiltMapping;
  /** Requests whose random value (0..99) is below it go here, unless an earlier member took them; undefined: all. */
  readonly belowPercent: number | undefined;
  readonly features: FeatureSettings;
}

type Share = Omit<Member, "features">;

/** Mappings with the same match. */
export interface Group {
  readonly key: string;
  /** All of them, those that are left out too. */
  readonly mappings: readonly BuiltMapping[];
  /** In the order in which they are tried. */
  readonly members: readonly Member[];
  readonly orderKey: string;
  readonly name: string;
  /** Of its members and their shadow. */
  readonly clusters: readonly Cluster[];
  readonly problems: readonly Problem[];
}

/**
 * Shares of Mappings with the same match. A single one gets all, whatever its weight. Otherwise weighted ones get their
 * percentage, those without share what is left equally, and the last of these makes it 100. With nothing left over and a
 * sum below 100 the rest falls to the next route that matches. Source: Emissary, section weights of a group.
 */
export function buildGroup(key: string, mappings: readonly BuiltMapping[]): Group {
  const byName = mappings.length === 1 ? mappings : [...mappings].sort((a, b) => compareText(nameOf(a), nameOf(b)));
  const [first] = byName;
  if (first === undefined) throw new Error("a group has at least one Mapping");
  const { serving, shadow, problems: ofRoles } = rolesOf(byName);
  const { kept, problems: ofWeights } = withinHundred(serving, "the Mappings with the same match");
  const featuresOf = featuresInGroup(kept);
  const members = shares(kept).map(({ mapping, belowPercent }): Member => {
    const features = featuresOf(mapping);
    return {
      mapping,
      belowPercent,
      features: shadow === undefined ? features : { ...features, shadow: mirrorOf(shadow) },
    };
  });
  const clusters = [...members.map(({ mapping }) => mapping), shadow].flatMap((mapping) => mapping?.cluster ?? []);
  const problems = ofRoles.length === 0 ? ofWeights : [...ofRoles, ...ofWeights];
  return { key, mappings: byName, members, orderKey: first.orderKey, name: nameOf(first), clusters, problems };
}

/** Settings of the feature `shadow` of those whose requests are copied. */
function mirrorOf({ resource, cluster }: BuiltMapping): ShadowSettings {
  return { cluster: cluster?.name ?? "", percent: resource.spec.weight ?? 100 };
}

/** Each member's share as the cumulative value by which Envoy draws. */
function shares(mappings: readonly BuiltMapping[]): readonly Share[] {
  let sum = 0;
  return sharesOf(mappings).map(({ member, percent }) => {
    sum += percent;
    return { mapping: member, belowPercent: sum >= 100 ? undefined : sum };
  });
}
