import type { MappingSpec } from "../../crds/mapping.ts";
import type { ModuleConfig } from "../../crds/module-config.ts";
import { alignedMap } from "../../ir/aligned.ts";
import type { Counters } from "../../ir/counters.ts";
import { memoLast } from "../../ir/memo.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { mappingBuilder } from "./build-mappings.ts";
import type { BuiltMapping, MappingContext } from "./mapping.ts";
import type { SelectedModule } from "./module.ts";

/** The Module's keys that are read here. */
export const probeFieldNames = [
  "diagnostics",
  "liveness_probe",
  "readiness_probe",
] as const satisfies readonly (keyof ModuleConfig)[];

/** Emissary's paths: load balancers are configured with them. The diagnostics, which tell of every route, are there by wish alone,
 *  where Emissary has them by default, and pass the AuthService as any Mapping does. */
const probes = [
  { key: "liveness_probe", path: "/ambassador/v0/check_alive", byDefault: true, rest: { bypass_auth: true } },
  { key: "readiness_probe", path: "/ambassador/v0/check_ready", byDefault: true, rest: { bypass_auth: true } },
  { key: "diagnostics", path: "/ambassador/v0/diag/", byDefault: false, rest: {} },
] as const;

const TIMEOUT_MS = 10_000;

export interface Probes {
  /** Keeps its identity while its content does. */
  readonly mappings: readonly BuiltMapping[];
  readonly problems: readonly Problem[];
}

/** What of the Module leads to its probes, as Mappings. */
function resourcesOf(config: ModuleConfig, { ownService, ownNamespace }: CompileSettings): Resource<MappingSpec>[] {
  return probes.flatMap(({ key, path, byDefault, rest }) => {
    const { enabled = byDefault, prefix = path, rewrite = path, service = ownService } = config[key] ?? {};
    if (!enabled || service === undefined) return [];
    const spec: MappingSpec = { hostname: "*", prefix, rewrite, service, timeout_ms: TIMEOUT_MS, ...rest };
    return [
      {
        kind: "Mapping",
        apiVersion: "",
        namespace: ownNamespace,
        // No object can have a name with an underscore.
        name: key,
        labels: {},
        annotations: {},
        uid: "",
        generation: 0,
        creationTimestamp: "",
        spec,
        problems: [],
      },
    ];
  });
}

/** Every Host takes it, and a Mapping of the same match goes before it: it has a group of its own, a hair further back. */
function everywhere(mapping: BuiltMapping): BuiltMapping {
  const { orderKey, groupKey, resource } = mapping;
  return {
    ...mapping,
    everywhere: true,
    orderKey: orderKey.slice(0, -1),
    groupKey: `${resource.name} ${groupKey}`,
    source: {
      object: { kind: "Module", namespace: resource.namespace, name: "ambassador" },
      path: ["spec", "config", resource.name],
    },
  };
}

/** The probes of the gateway itself, through its Listeners. */
export function probeBuilder(
  counters: () => Counters,
): (module: SelectedModule, context: MappingContext, settings: CompileSettings) => Probes {
  const resources = memoLast(resourcesOf);
  const build = mappingBuilder(counters);
  const placed = alignedMap(everywhere);
  const resultOf = memoLast(
    (mappings: readonly BuiltMapping[], found: readonly Problem[], module: ObjectRef | undefined): Probes => ({
      mappings,
      problems: found.map((problem) => onModule(problem, module)),
    }),
  );
  return (module, context, settings) => {
    const { usable, problems } = build(resources(module.config, settings), context);
    return resultOf(placed(usable), problems, module.object);
  };
}

function onModule(problem: Problem, module: ObjectRef | undefined): Problem {
  const [, ...field] = problem.path;
  return { ...problem, object: module ?? problem.object, path: ["spec", "config", problem.object.name, ...field] };
}
