import { pack } from "../../features/proto.ts";
import type { AnyFilter } from "../../filters/filter.ts";
import { filters } from "../../filters/index.ts";
import type { HttpFilter as IrFilter } from "../../ir/types.ts";
import { TypedExtensionConfig } from "../generated/envoy/config/core/v3/extension.ts";
import { FilterChainConfig } from "../generated/envoy/extensions/filters/http/filter_chain/v3/filter_chain.ts";
import type { HttpFilter } from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { XdsResource } from "../snapshot.ts";
import { xdsResource } from "./frame.ts";
import { ads } from "./sources.ts";

/** A place in the connection manager, and the filters that may stand there, in order. */
interface Slot {
  readonly name: string;
  readonly members: readonly AnyFilter[];
  /** Its one filter holds what a user wrote and only Envoy can judge. */
  readonly alone: boolean;
}

/** Filters that stand alone have a slot each, the runs between them share one. */
function slotsOf(all: readonly AnyFilter[]): readonly Slot[] {
  const slots: Slot[] = [];
  let run: AnyFilter[] = [];
  const close = () => {
    if (run.length > 0) slots.push({ name: `nuncio.filters.${slots.length}`, members: run, alone: false });
    run = [];
  };
  for (const filter of all) {
    if (filter.alone !== true) {
      run.push(filter);
      continue;
    }
    close();
    slots.push({ name: `nuncio.filter.${filter.name}`, members: [filter], alone: true });
  }
  close();
  return slots;
}

const slots = slotsOf(filters);

/**
 * The places of all HTTP filters that may come and go. They stand in every connection manager for good and get their content
 * by ECDS, so that adding, changing or removing a filter drains no connection. Envoy takes a slot whole or not at all: what
 * it refuses leaves the filters that the slot had.
 *
 * Measured (Envoy 1.40, filter_chain): a filter inside of a slot finds its `typedPerFilterConfig` by its own name, not the
 * slot's, at the route, the virtual host and the table, bare or in a FilterConfig. A FilterConfig's `disabled: true` is not
 * regarded there: switch a filter off by its own message, such as ExtAuthzPerRoute `disabled`.
 */
export const filterSlots: readonly HttpFilter[] = slots.map(({ name, alone }) => ({
  name,
  configType: {
    $case: "configDiscovery",
    value: {
      configSource: ads,
      typeUrls: [`type.googleapis.com/${FilterChainConfig.$type}`],
      // An Envoy that has just started and refuses a user's script serves without it; without a default it would answer 500.
      ...(alone ? { defaultConfig: pack(FilterChainConfig, {}) } : {}),
    },
  },
}));

/** Names of the filters that may stand in a slot. */
export function filtersInSlot(name: string): readonly string[] {
  return slots.find((slot) => slot.name === name)?.members.map((filter) => filter.name) ?? [];
}

/** What a slot holds: filters in the order in which requests pass them; none is a slot that does nothing. */
export function encodeSlot(name: string, extensions: readonly TypedExtensionConfig[]): XdsResource {
  const chain = extensions.length === 0 ? {} : { defaultFilterChain: { filters: [...extensions] } };
  return xdsResource("extension", name, [
    TypedExtensionConfig.encode({ name, typedConfig: pack(FilterChainConfig, chain) }).finish(),
  ]);
}

/** Every slot, be it empty. */
export function encodeFilters(list: readonly IrFilter[]): readonly XdsResource[] {
  const settings = new Map(list.map((filter) => [filter.name, filter.settings]));
  for (const { name } of list)
    if (!filters.some((filter) => filter.name === name)) throw new Error(`there is no filter ${name}`);
  return slots.map(({ name: slot, members }) => {
    const there = members.filter(({ name }) => settings.has(name));
    return encodeSlot(
      slot,
      there.map(({ name, toFilter }) => ({ name, typedConfig: toFilter(settings.get(name)) })),
    );
  });
}
