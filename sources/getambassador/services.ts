import { authServices } from "./auth-service.ts";
import { filters } from "../../filters/index.ts";
import type { ModuleConfig } from "../../crds/module-config.ts";
import type { Resources } from "../../crds/resources.ts";
import { alignedFilter } from "../../ir/aligned.ts";
import { keepEqual, memoLast } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { type GrpcAccessLog, noTelemetry, type Telemetry, type Tracing } from "../../ir/telemetry.ts";
import type { Cluster, HttpFilter } from "../../ir/types.ts";
import { errorOverrideFilters, hasOwnBodies } from "./error-overrides.ts";
import { logServices } from "./log-service.ts";
import type { BuiltMapping, MappingContext } from "./mapping.ts";
import { filtersOfModule } from "./module-filters.ts";
import { rateLimitServices } from "./rate-limit-service.ts";
import { tracingServices } from "./tracing-service.ts";

/** What requests meet beside their route: filters, and the services that those and the logs call. */
export interface GatewayServices {
  readonly filters: readonly HttpFilter[];
  readonly clusters: readonly Cluster[];
  readonly problems: readonly Problem[];
  readonly telemetry: Telemetry;
}

/** What one kind, or the Module, has of it. */
export type Contribution = Partial<Omit<GatewayServices, "telemetry">> & {
  readonly logs?: readonly GrpcAccessLog[];
  readonly tracing?: Tracing;
};

/** What is for this gateway and can be used, and of some kinds what an error keeps from being used. */
export type ServiceKinds = Pick<
  Resources,
  "authServices" | "rateLimitServices" | "logServices" | "tracingServices" | "modules"
> & { readonly broken: Pick<Resources, "authServices" | "modules"> };

/** What the Module, and of the Mappings what they have, decides about filters. */
export interface Asked {
  readonly config: ModuleConfig;
  /** A Mapping has bodies for error responses of its own. */
  readonly ownBodies: boolean;
}

/** Makes the part that one kind, or the Module, contributes. */
type Contribute = (kinds: ServiceKinds, context: MappingContext, asked: Asked) => Contribution;

/** Adding a kind is adding a line; the order of filters is that of filters/index.ts. */
const contributors: readonly Contribute[] = [
  (_, __, { config }) => filtersOfModule(config),
  (_, context, { ownBodies }) => ({ filters: errorOverrideFilters(context, ownBodies) }),
  authServices,
  rateLimitServices,
  logServices,
  tracingServices,
];

const place = new Map(filters.map(({ name }, index) => [name, index]));

function together(parts: readonly Contribution[], stable: (now: Telemetry) => Telemetry): GatewayServices {
  const found = parts.flatMap(({ filters = [] }) => filters);
  return {
    filters: found.sort((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0)),
    clusters: parts.flatMap(({ clusters = [] }) => clusters),
    problems: parts.flatMap(({ problems = [] }) => problems),
    telemetry: stable({
      logs: parts.flatMap(({ logs = [] }) => logs),
      tracing: parts.find(({ tracing }) => tracing !== undefined)?.tracing,
    }),
  };
}

/** The same answer for as long as no such object, nor what Mappings look up, changes. */
export function gatewayServices(): (
  usable: ServiceKinds,
  config: ModuleConfig,
  context: MappingContext,
  mappings: readonly BuiltMapping[],
) => GatewayServices {
  const stable = keepEqual(noTelemetry);
  const withOwnBodies = alignedFilter(hasOwnBodies);
  const make = memoLast(
    (
      authServices: ServiceKinds["authServices"],
      brokenAuthServices: ServiceKinds["authServices"],
      rateLimitServices: ServiceKinds["rateLimitServices"],
      logServices: ServiceKinds["logServices"],
      tracingServices: ServiceKinds["tracingServices"],
      modules: ServiceKinds["modules"],
      brokenModules: ServiceKinds["modules"],
      config: ModuleConfig,
      context: MappingContext,
      ownBodies: boolean,
    ) => {
      const broken = { authServices: brokenAuthServices, modules: brokenModules };
      const kinds = { authServices, rateLimitServices, logServices, tracingServices, modules, broken };
      return together(
        contributors.map((contribute) => contribute(kinds, context, { config, ownBodies })),
        stable,
      );
    },
  );
  return (
    { authServices, rateLimitServices, logServices, tracingServices, modules, broken },
    config,
    context,
    mappings,
  ) =>
    make(
      authServices,
      broken.authServices,
      rateLimitServices,
      logServices,
      tracingServices,
      modules,
      broken.modules,
      config,
      context,
      withOwnBodies(mappings).length > 0,
    );
}
