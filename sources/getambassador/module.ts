import { type ModuleConfig, moduleConfigSchema } from "../../crds/module-config.ts";
import type { ModuleSpec } from "../../crds/module.ts";
import { features } from "../../features/index.ts";
import { compareText, type ObjectRef, type Problem } from "../../ir/problem.ts";
import { hasError, keyOf, type Resource } from "../../ir/resource.ts";
import { accessLogFieldNames } from "./access-log.ts";
import { connectionManagerFieldNames } from "./connection-manager.ts";
import { moduleFilterFieldNames } from "./module-filters.ts";
import { inertFieldNames, moduleProblems } from "./module-problems.ts";
import { probeFieldNames } from "./probes.ts";

export interface SelectedModule {
  /** The one that rules. */
  readonly object: ObjectRef | undefined;
  readonly config: ModuleConfig;
  readonly problems: readonly Problem[];
}

export const noModule: ModuleConfig = Object.freeze({});

/** The name of the one Module that shapes the whole gateway. */
const AMBASSADOR = "ambassador";

/** The Module `ambassador`: of several the oldest rules (ties: by namespace), and the others are told. */
export function selectModule(modules: readonly Resource<ModuleSpec>[]): SelectedModule {
  const candidates = modules
    .filter((module) => module.name === AMBASSADOR && !hasError(module))
    .sort((a, b) => compareText(a.creationTimestamp, b.creationTimestamp) || compareText(keyOf(a), keyOf(b)));
  const [ruling, ...others] = candidates;
  const problems = others.map(
    (module): Problem => ({
      code: "ModuleIgnored",
      severity: "warning",
      object: module,
      path: [],
      message: `the Module ${keyOf(ruling as Resource<ModuleSpec>)} is in force, and there can be only one`,
      advice: "merge this one into it, or give it another ambassador_id",
    }),
  );
  for (const key of Object.keys(ruling?.spec.config ?? {})) {
    // A key that does not exist has been told by the parser.
    if (moduleFieldNames.has(key) || !Object.hasOwn(moduleConfigSchema.shape, key) || ruling === undefined) continue;
    problems.push({
      code: "NotYetSupported",
      severity: "warning",
      object: ruling,
      path: ["spec", "config", key],
      message: "this key is not acted upon",
      advice: "remove it, or expect the gateway to work as if it were not there",
    });
  }
  if (ruling !== undefined) problems.push(...wrongDefaults(ruling));
  return { object: ruling, config: ruling?.spec.config ?? noModule, problems };
}

/** What features find wrong with the defaults, asked once for all Mappings, and what is wrong with the rest. */
function wrongDefaults(module: Resource<ModuleSpec>): readonly Problem[] {
  const context = { defaults: module.spec.config, upstream: undefined };
  const ofDefaults = features.flatMap((feature) => feature.fromMapping({}, context).problems);
  return [...ofDefaults, ...moduleProblems(module.spec.config)].map((problem) => ({
    ...problem,
    object: module,
    path: ["spec", "config", ...problem.path],
  }));
}

/** Keys of the Module's config that something reads; the others are told. */
export const moduleFieldNames: ReadonlySet<string> = new Set([
  ...accessLogFieldNames,
  ...connectionManagerFieldNames,
  ...inertFieldNames,
  ...moduleFilterFieldNames,
  ...probeFieldNames,
  "regex_max_size",
  "runtime_flags",
  // Defaults of Mappings, read by features and by the target of a Mapping.
  "add_linkerd_headers",
  "circuit_breakers",
  "cluster_idle_timeout_ms",
  "cluster_max_connection_lifetime_ms",
  "cluster_request_timeout_ms",
  "cors",
  "default_label_domain",
  "default_labels",
  "defaults",
  "enable_ipv4",
  "enable_ipv6",
  "error_response_overrides",
  "keepalive",
  "load_balancer",
  "resolver",
  "retry_policy",
  "use_ambassador_namespace_for_service_resolution",
]);
