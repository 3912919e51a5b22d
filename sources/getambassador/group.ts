import { compareText, type Problem } from "../../ir/problem.ts";
import type { ShadowSettings } from "../../features/shadow.ts";
import type { Cluster, FeatureSettings } from "../../ir/types.ts";
import { featuresInGroup } from "./group-features.ts";
import { olderFirst, rolesOf } from "./group-roles.ts";
import { type BuiltMapping, nameOf } from "./mapping.ts";

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
  const { kept, problems: ofWeights } = serving.length < 2 ? { kept: serving, problems: [] } : withinHundred(serving);
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

/** Older Mappings keep their weight; those with which the sum passes 100 are left out. */
function withinHundred(mappings: readonly BuiltMapping[]): {
  kept: readonly BuiltMapping[];
  problems: readonly Problem[];
} {
  const oldestFirst = [...mappings].sort(olderFirst);
  const refused = new Set<BuiltMapping>();
  const problems: Problem[] = [];
  let sum = 0;
  for (const mapping of oldestFirst) {
    const weight = mapping.resource.spec.weight ?? 0;
    if (sum + weight <= 100) {
      sum += weight;
      continue;
    }
    refused.add(mapping);
    problems.push({
      code: "WeightSum",
      severity: "error",
      object: mapping.resource,
      path: ["spec", "weight"],
      message: `${weight} makes the weights of the Mappings with the same match sum to ${sum + weight}`,
      advice: `write at most ${100 - sum}, or lower the weight of ${othersOf(mapping, oldestFirst)}`,
    });
  }
  return { kept: mappings.filter((mapping) => !refused.has(mapping)), problems };
}

function othersOf(mapping: BuiltMapping, all: readonly BuiltMapping[]): string {
  const others = all.filter((other) => other !== mapping && other.resource.spec.weight !== undefined).map(nameOf);
  return others.slice(0, 3).join(", ");
}

function shares(mappings: readonly BuiltMapping[]): readonly Share[] {
  const [only, second] = mappings;
  if (only !== undefined && second === undefined) return [{ mapping: only, belowPercent: undefined }];
  const members: Share[] = [];
  let sum = 0;
  const add = (mapping: BuiltMapping, share: number) => {
    if (share <= 0) return;
    sum += share;
    members.push({ mapping, belowPercent: sum >= 100 ? undefined : sum });
  };
  const weightless = mappings.filter(({ resource }) => resource.spec.weight === undefined);
  for (const mapping of mappings)
    if (mapping.resource.spec.weight !== undefined) add(mapping, mapping.resource.spec.weight);
  const each = halfToEven((100 - sum) / weightless.length);
  weightless.forEach((mapping, index) =>
    add(mapping, index === weightless.length - 1 ? 100 - sum : Math.min(each, 100 - sum)),
  );
  return members;
}

/** Python's round(): a half goes to the even neighbour. */
function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
