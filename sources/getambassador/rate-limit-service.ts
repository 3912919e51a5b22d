import type { RateLimitServiceSpec } from "../../crds/rate-limit-service.ts";
import { type FieldProblem, invalid } from "../../features/feature.ts";
import { defaultLabelDomain } from "../../features/labels.ts";
import { rateLimit, type RateLimitSettings } from "../../filters/rate-limit.ts";
import { formatObject, type Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import type { Cluster } from "../../ir/types.ts";
import { onSpec } from "./on-spec.ts";
import { externalCluster } from "./external-service.ts";
import type { MappingContext } from "./mapping.ts";
import { rulingFirst } from "./ruling.ts";
import type { Contribution, ServiceKinds } from "./services.ts";

/** Fields of spec that are read. */
export const rateLimitServiceFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "service",
  "tls",
  "protocol_version",
  "domain",
  "timeout_ms",
  "failure_mode_deny",
  "grpc",
  "stats_name",
  // Kept for conversion; without effect on traffic.
  "v2ExplicitTLS",
]);

const DEFAULT_TIMEOUT_MS = 20;

type RateLimitService = Resource<RateLimitServiceSpec>;

interface Built {
  readonly resource: RateLimitService;
  /** undefined: an error makes it unusable. */
  readonly usable: { readonly settings: RateLimitSettings; readonly cluster: Cluster } | undefined;
  readonly problems: readonly Problem[];
}

function build(resource: RateLimitService, context: MappingContext): Built {
  const { spec } = resource;
  const { tls, stats_name } = spec;
  const { cluster, authority, problems } = externalCluster(
    {
      resource,
      field: "service",
      spec: {
        service: spec.service,
        grpc: true,
        ...(tls === undefined ? {} : { tls }),
        ...(stats_name === undefined ? {} : { stats_name }),
      },
      tag: "ratelimit",
    },
    context,
  );
  const found: FieldProblem[] = [];
  if (spec.protocol_version === "v2") {
    const advice = "write v3, and a service that speaks envoy.service.ratelimit.v3";
    found.push(invalid(["protocol_version"], "v2 is spoken by no Envoy any more", advice));
  }
  if (spec.domain === "") found.push(invalid(["domain"], "it is empty", "write a name, or leave domain out"));
  const all = [...problems, ...found.map((problem) => onSpec(resource, problem))];
  if (cluster === undefined || found.length > 0) return { resource, usable: undefined, problems: all };
  const settings: RateLimitSettings = {
    cluster: cluster.name,
    authority,
    domain: spec.domain ?? defaultLabelDomain(context),
    timeoutMs: spec.timeout_ms ?? DEFAULT_TIMEOUT_MS,
    failureModeDeny: spec.failure_mode_deny ?? false,
    asResourceExhausted: spec.grpc?.use_resource_exhausted_code ?? false,
  };
  return { resource, usable: { settings, cluster }, problems: all };
}

/** The oldest usable RateLimitService counts, alone. */
function ruled(services: readonly RateLimitService[], context: MappingContext) {
  const built = [...services].sort(rulingFirst).map((resource) => build(resource, context));
  const [ruling, ...others] = built.filter(({ usable }) => usable !== undefined);
  return { built, ruling, others };
}

/** The domain of the labels that are counted; undefined: none are. */
export function countedDomain(services: readonly RateLimitService[], context: MappingContext): string | undefined {
  return ruled(services, context).ruling?.usable?.settings.domain;
}

/** The limits of requests. */
export function rateLimitServices({ rateLimitServices }: ServiceKinds, context: MappingContext): Contribution {
  const { built, ruling, others } = ruled(rateLimitServices, context);
  const problems = built.flatMap((each) => each.problems);
  if (ruling?.usable === undefined) return { filters: [], clusters: [], problems };
  for (const { resource } of others) problems.push(conflict(resource, ruling.resource));
  const { settings, cluster } = ruling.usable;
  const filter = { name: rateLimit.name, askedBy: [ruling.resource], settings };
  return { filters: [filter], clusters: [cluster], problems };
}

function conflict(resource: RateLimitService, ruling: RateLimitService): Problem {
  return {
    code: "ServiceConflict",
    severity: "error",
    object: resource,
    path: ["spec"],
    message: `the older ${formatObject(ruling)} counts all requests, and there can be only one`,
    advice: "remove one of the two, or give it another ambassador_id",
  };
}
