import { filters } from "../../filters/index.ts";
import type { Resources } from "../../crds/resources.ts";
import { memoLast } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Cluster, HttpFilter } from "../../ir/types.ts";
import type { MappingContext } from "./mapping.ts";

/** What requests meet beside their route: filters, and the services that those and the logs call. */
export interface GatewayServices {
  readonly filters: readonly HttpFilter[];
  readonly clusters: readonly Cluster[];
  readonly problems: readonly Problem[];
}

export type ServiceKinds = Pick<Resources, "authServices" | "rateLimitServices" | "logServices" | "tracingServices">;

/** Makes the part that one kind, or the Module, contributes. */
type Contribute = (kinds: ServiceKinds, context: MappingContext) => GatewayServices;

/** Adding a kind is adding a line; the order of filters is that of filters/index.ts. */
const contributors: readonly Contribute[] = [];

const place = new Map(filters.map(({ name }, index) => [name, index]));

function together(parts: readonly GatewayServices[]): GatewayServices {
  const found = parts.flatMap((part) => part.filters);
  return {
    filters: found.sort((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0)),
    clusters: parts.flatMap(({ clusters }) => clusters),
    problems: parts.flatMap(({ problems }) => problems),
  };
}

/** The same answer for as long as no such object, nor what Mappings look up, changes. */
export function gatewayServices(): (usable: ServiceKinds, context: MappingContext) => GatewayServices {
  const make = memoLast(
    (
      authServices: ServiceKinds["authServices"],
      rateLimitServices: ServiceKinds["rateLimitServices"],
      logServices: ServiceKinds["logServices"],
      tracingServices: ServiceKinds["tracingServices"],
      context: MappingContext,
    ) => {
      const kinds = { authServices, rateLimitServices, logServices, tracingServices };
      return together(contributors.map((contribute) => contribute(kinds, context)));
    },
  );
  return ({ authServices, rateLimitServices, logServices, tracingServices }, context) =>
    make(authServices, rateLimitServices, logServices, tracingServices, context);
}
