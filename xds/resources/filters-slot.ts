import { pack } from "../../features/proto.ts";
import { TypedExtensionConfig } from "../generated/envoy/config/core/v3/extension.ts";
import { FilterChainConfig } from "../generated/envoy/extensions/filters/http/filter_chain/v3/filter_chain.ts";
import type { HttpFilter } from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { XdsResource } from "../snapshot.ts";
import { xdsResource } from "./frame.ts";
import { ads } from "./sources.ts";

const NAME = "nuncio.filters";

/**
 * The place of all HTTP filters that may come and go. It stands in every connection manager for good and gets its content
 * by ECDS, so that adding, changing or removing a filter drains no connection.
 */
export const filtersSlot: HttpFilter = {
  name: NAME,
  configType: {
    $case: "configDiscovery",
    value: { configSource: ads, typeUrls: [`type.googleapis.com/${FilterChainConfig.$type}`] },
  },
};

/** What the slot holds: filters in the order in which requests pass them; none is a filter that does nothing. */
export function encodeFilters(filters: readonly TypedExtensionConfig[]): XdsResource {
  const chain = filters.length === 0 ? {} : { defaultFilterChain: { filters: [...filters] } };
  return xdsResource("extension", NAME, [
    TypedExtensionConfig.encode({ name: NAME, typedConfig: pack(FilterChainConfig, chain) }).finish(),
  ]);
}
