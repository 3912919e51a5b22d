import { pack } from "../features/proto.ts";
import { Cors } from "../xds/generated/envoy/extensions/filters/http/cors/v3/cors.ts";
import type { Filter } from "./filter.ts";

/** Always there: it does what routes ask for (features/cors.ts), and is told nothing for all. */
export const cors: Filter<Record<string, never>> = {
  name: "envoy.filters.http.cors",
  toFilter: () => pack(Cors, {}),
};
