import type { ConfigSource } from "../generated/envoy/config/core/v3/config_source.ts";

const V3 = 2;

/** "Ask the ADS stream." */
export const ads: ConfigSource = { configSourceSpecifier: { $case: "ads", value: {} }, resourceApiVersion: V3 };
