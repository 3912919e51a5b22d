import { pack } from "../../features/proto.ts";
import { filters } from "../../filters/index.ts";
import type { HttpFilter as IrFilter } from "../../ir/types.ts";
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

const byName = new Map(filters.map((filter) => [filter.name, filter]));

function extensionOf({ name, settings }: IrFilter): TypedExtensionConfig {
  const filter = byName.get(name);
  if (filter === undefined) throw new Error(`there is no filter ${name}`);
  return { name, typedConfig: filter.toFilter(settings) };
}

/** What the slot holds: filters in the order in which requests pass them; none is a filter that does nothing. */
export function encodeSlot(extensions: readonly TypedExtensionConfig[]): XdsResource {
  const chain = extensions.length === 0 ? {} : { defaultFilterChain: { filters: [...extensions] } };
  return xdsResource("extension", NAME, [
    TypedExtensionConfig.encode({ name: NAME, typedConfig: pack(FilterChainConfig, chain) }).finish(),
  ]);
}

export function encodeFilters(list: readonly IrFilter[]): XdsResource {
  return encodeSlot(list.map(extensionOf));
}
