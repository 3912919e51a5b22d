import { errorOverrides, errorOverridesOf } from "../../features/error-overrides.ts";
import { errorBodies, errorBodiesMark } from "../../filters/error-overrides.ts";
import type { HttpFilter } from "../../ir/types.ts";
import type { BuiltMapping, MappingContext } from "./mapping.ts";

/** Whether the Mapping has bodies of its own, or does without the Module's. Most gateways need no filter for them. */
export function hasOwnBodies({ features }: BuiltMapping): boolean {
  return features[errorOverrides.name] !== undefined;
}

/** What is wrong with the Module's bodies is told by `selectModule`. */
export function errorOverrideFilters({ defaults }: MappingContext, ofMappings: boolean): readonly HttpFilter[] {
  const written = defaults.error_response_overrides;
  const ofModule = written === undefined ? [] : errorOverridesOf(written).value;
  if (ofModule.length === 0 && !ofMappings) return [];
  const bodies = { name: errorBodies.name, settings: ofModule };
  return ofModule.length > 0 && ofMappings ? [bodies, { name: errorBodiesMark.name, settings: true }] : [bodies];
}
