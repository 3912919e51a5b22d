import { type ModuleConfig, moduleConfigSchema } from "../../crds/module-config.ts";
import type { ModuleSpec } from "../../crds/module.ts";
import { type Defaults, defaultNames } from "../../features/defaults.ts";
import { features } from "../../features/index.ts";
import { keepEqual, memoLast } from "../../ir/memo.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";
import { hasError, keyOf, type Resource } from "../../ir/resource.ts";
import { accessLogFieldNames } from "./access-log.ts";
import { connectionManagerFieldNames } from "./connection-manager.ts";
import { moduleFilterFieldNames } from "./module-filters.ts";
import { inertFieldNames, moduleProblems } from "./module-problems.ts";
import { probeFieldNames } from "./probes.ts";
import { rulingFirst } from "./ruling.ts";

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
  const candidates = modules.filter((module) => module.name === AMBASSADOR && !hasError(module)).sort(rulingFirst);
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

/** What a Module says of Mappings; the same object as before where only the rest of it has changed. */
export function mappingDefaults(): (config: ModuleConfig) => Defaults {
  const keep = keepEqual<Defaults>({});
  return memoLast((config) =>
    keep(Object.fromEntries(defaultNames.flatMap((name) => (name in config ? [[name, config[name]]] : [])))),
  );
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
  ...defaultNames,
  ...inertFieldNames,
  ...moduleFilterFieldNames,
  ...probeFieldNames,
  "runtime_flags",
]);
