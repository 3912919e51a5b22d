import { type Feature, nothing } from "./feature.ts";
import { flag } from "./fields.ts";

export const shadowFields = {
  shadow: flag(
    "Makes the service a shadow: it gets a copy of the requests of the Mappings with the same match (weight percent of them), and its answers are discarded. Default: false.",
  ),
};

/** Of a route whose requests are copied. */
export interface ShadowSettings {
  /** Cluster that gets the copies. */
  readonly cluster: string;
  /** How many of a hundred requests are copied. */
  readonly percent: number;
}

const HUNDRED = 0;

/** The shadow's own Mapping has no route: its group gives the settings to the others. */
export const shadow: Feature<typeof shadowFields, ShadowSettings> = {
  name: "shadow",
  fields: shadowFields,
  fromMapping: () => nothing,
  forward: ({ cluster, percent }, action) => ({
    ...action,
    requestMirrorPolicies: [
      { cluster, runtimeFraction: { defaultValue: { numerator: percent, denominator: HUNDRED } } },
    ],
  }),
};
