import type { MappingSpec } from "../../crds/mapping.ts";
import type { Defaults } from "../../features/defaults.ts";
import type { FeatureContext, FieldProblem } from "../../features/feature.ts";
import { featureFieldNames, features } from "../../features/index.ts";
import type { Problem } from "../../ir/problem.ts";
import { hasError, keyOf, type Resource } from "../../ir/resource.ts";
import type { Cluster, FeatureSettings, RouteAction, RouteMatch, Source } from "../../ir/types.ts";
import { onSpec } from "./on-spec.ts";
import { coreFieldNames, deadFields } from "./mapping-fields.ts";
import { mappingMatch } from "./mapping-match.ts";
import { redirectOf } from "./redirect.ts";
import { type Target, type TargetLookup, targetOf } from "./target.ts";
import { clusterOf } from "./cluster.ts";

/** A Mapping on its own: everything but its group's weights and the Hosts it belongs to. */
export interface BuiltMapping {
  readonly resource: Resource<MappingSpec>;
  readonly match: RouteMatch;
  readonly hostname: string | undefined;
  readonly hostRegex: string | undefined;
  readonly orderKey: string;
  readonly groupKey: string;
  readonly action: RouteAction;
  readonly cluster: Cluster | undefined;
  readonly features: FeatureSettings;
  /** What its features were told. */
  readonly context: FeatureContext;
  readonly source: Source;
  readonly problems: readonly Problem[];
  /** The gateway's own: every Host takes it. */
  readonly everywhere?: true;
  /** false: an error makes it unused. */
  readonly usable: boolean;
}

export interface MappingContext {
  readonly defaults: Defaults;
  readonly lookup: TargetLookup;
  /** The domain of the labels that are counted; undefined: the Module's. */
  readonly labelDomain?: string | undefined;
}

export function buildMapping(
  resource: Resource<MappingSpec>,
  { defaults, lookup, labelDomain }: MappingContext,
): BuiltMapping {
  const { spec } = resource;
  const found: FieldProblem[] = [...notYetCompiled(spec), ...deadFields(spec)];
  const matched = mappingMatch(spec, defaults.regex_max_size);
  found.push(...matched.problems);
  const redirect = redirectOf(spec, defaults.regex_max_size);
  found.push(...redirect.problems);
  let target: Target | undefined;
  if (redirect.value === undefined) {
    const { value, problems } = targetOf({ spec, namespace: resource.namespace, defaults, lookup });
    found.push(...problems);
    target = value;
  }
  const context: FeatureContext = { defaults, upstream: target?.upstream, labelDomain };
  const settings: Record<string, unknown> = {};
  for (const feature of features) {
    const { value, problems } = feature.fromMapping(spec, context);
    if (value !== undefined) settings[feature.name] = value;
    found.push(...problems.filter((problem) => isOwn(problem, spec)));
  }
  const cluster = target === undefined ? undefined : clusterFor(target, spec, settings);
  const problems = found.map((problem) => onSpec(resource, problem));
  const { match, hostname, hostRegex, orderKey, groupKey } = matched;
  return {
    resource,
    match,
    hostname,
    hostRegex,
    orderKey,
    groupKey,
    action: redirect.value ?? { kind: "forward", cluster: cluster?.name ?? "" },
    cluster,
    features: settings,
    context,
    source: { object: resource, path: ["spec"] },
    problems,
    usable: !hasError({ problems }) && !hasError(resource),
  };
}

function clusterFor(target: Target, spec: MappingSpec, settings: FeatureSettings): Cluster {
  return clusterOf({ ...target, features: settings, tag: spec.cluster_tag });
}

/** What is wrong with a default is the Module's problem, told there once. */
function isOwn({ path: [field] }: FieldProblem, spec: MappingSpec): boolean {
  return field === undefined || Object.hasOwn(spec, field);
}

/** A field that is typed but not compiled is named, never passed over in silence. */
function notYetCompiled(spec: MappingSpec): FieldProblem[] {
  return Object.keys(spec)
    .filter((name) => !featureFieldNames.has(name) && !coreFieldNames.has(name))
    .map((name) => ({
      code: "NotYetSupported",
      severity: "warning",
      path: [name],
      message: "this field is known and not yet acted upon",
      advice: "remove it, or expect the Mapping to work as if it were not there",
    }));
}

/** Ties in the order of routes break by namespace and name. */
export function nameOf(built: BuiltMapping): string {
  return keyOf(built.resource);
}
