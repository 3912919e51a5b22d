import type { AnyFeature } from "../../features/feature.ts";
import { features } from "../../features/index.ts";
import type { FeatureSettings } from "../../ir/types.ts";
import type { BuiltMapping } from "./mapping.ts";

type Fields = Readonly<Record<string, unknown>>;

const ofGroups = features.filter(({ ofGroup }) => ofGroup !== undefined);

/** The fields of a feature that the Mappings have together: the last one's, maps that it merges entry by entry. */
export function together({ fields, ofGroup }: AnyFeature, mappings: readonly BuiltMapping[]): Fields {
  const merged: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    for (const { resource } of mappings) {
      const value = (resource.spec as Fields)[name];
      if (value === undefined) continue;
      merged[name] =
        ofGroup?.merge.includes(name) === true
          ? { ...(merged[name] as Fields | undefined), ...(value as Fields) }
          : value;
    }
  }
  return merged;
}

/**
 * Settings of the Mappings of a canary group, in which some fields hold for all of them. What a member does not say itself
 * it takes from the others, and only what none says from the Module.
 * @param mappings in ascending order: of two that say something, the later one counts
 */
export function featuresInGroup(mappings: readonly BuiltMapping[]): (member: BuiltMapping) => FeatureSettings {
  if (mappings.length < 2) return (member) => member.features;
  const said = ofGroups
    .map((feature) => ({ feature, fields: together(feature, mappings) }))
    .filter(({ fields }) => Object.keys(fields).length > 0);
  if (said.length === 0) return (member) => member.features;
  return (member) => {
    const settings = new Map(Object.entries(member.features));
    for (const { feature, fields } of said) {
      settings.delete(feature.name);
      const { value } = feature.fromMapping(fields, member.context);
      if (value !== undefined) settings.set(feature.name, value);
    }
    return Object.fromEntries(settings);
  };
}
