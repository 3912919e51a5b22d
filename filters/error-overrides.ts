import { BODIES_FILTER, type ErrorOverride, MARK_FILTER, ofModule } from "../features/error-overrides.ts";
import { pack } from "../features/proto.ts";
import { CustomResponse } from "../xds/generated/envoy/extensions/filters/http/custom_response/v3/custom_response.ts";
import { Config } from "../xds/generated/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.ts";
import type { Filter } from "./filter.ts";

/** Replaces bodies of error responses: by those of the route, else by the Module's, which are its settings. */
export const errorBodies: Filter<readonly ErrorOverride[]> = {
  name: BODIES_FILTER,
  toFilter: (overrides) => pack(CustomResponse, ofModule(overrides)),
};

/** Marks requests of routes that do without the Module's bodies; what it does is written at those routes. */
export const errorBodiesMark: Filter<true> = {
  name: MARK_FILTER,
  toFilter: () => pack(Config, {}),
};
