import type { MappingSpec } from "../../crds/mapping.ts";
import type { Counters } from "../../ir/counters.ts";
import { alignedFilter, alignedMap } from "../../ir/aligned.ts";
import { sameElements } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import { type BuiltMapping, buildMapping, type MappingContext } from "./mapping.ts";
import type { TargetLookup } from "./target.ts";

/** A question put to the lookup while a Mapping was built, and its answer: valid as long as it is answered alike. */
interface Asked {
  readonly ask: (lookup: TargetLookup) => unknown;
  readonly answer: unknown;
}

interface Entry {
  context: MappingContext;
  readonly asked: readonly Asked[];
  readonly built: BuiltMapping;
}

/** A lookup that notes what it is asked. */
function traced(lookup: TargetLookup, asked: Asked[]): TargetLookup {
  const note = <T>(ask: (lookup: TargetLookup) => T): T => {
    const answer = ask(lookup);
    asked.push({ ask, answer });
    return answer;
  };
  return {
    service: (namespace, name) => note((to) => to.service(namespace, name)),
    resolver: (name) => note((to) => to.resolver(name)),
    tlsContext: (name, namespace) => note((to) => to.tlsContext(name, namespace)),
    inCluster: lookup.inCluster,
    ownNamespace: lookup.ownNamespace,
  };
}

export interface BuiltMappings {
  /** Keeps its identity while its content does. */
  readonly usable: readonly BuiltMapping[];
  readonly problems: readonly Problem[];
}

/** Builds Mappings; one is built again only when it, the Module's defaults or something it looked up has changed. */
export function mappingBuilder(
  counters: () => Counters,
): (resources: readonly Resource<MappingSpec>[], context: MappingContext) => BuiltMappings {
  const entries = new WeakMap<Resource<MappingSpec>, Entry>();
  let lastContext: MappingContext | undefined;
  let inContext: (resources: readonly Resource<MappingSpec>[]) => readonly BuiltMapping[] = () => [];
  const flawedOf = alignedFilter(({ usable, problems }: BuiltMapping) => !usable || problems.length > 0);
  let earlier: readonly BuiltMapping[] = [];
  let result: BuiltMappings = { usable: [], problems: [] };

  const buildOne = (resource: Resource<MappingSpec>, context: MappingContext): BuiltMapping => {
    const entry = entries.get(resource);
    if (entry !== undefined && (entry.context === context || stillValid(entry, context))) {
      entry.context = context;
      return entry.built;
    }
    const asked: Asked[] = [];
    counters().mappings++;
    const built = buildMapping(resource, { ...context, lookup: traced(context.lookup, asked) });
    entries.set(resource, { context, asked, built });
    return built;
  };

  return (resources, context) => {
    if (context !== lastContext) {
      lastContext = context;
      inContext = alignedMap((resource) => buildOne(resource, context));
    }
    const built = inContext(resources);
    if (sameElements(built, earlier)) return result;
    earlier = built;
    const flawed = flawedOf(built);
    result = {
      usable: flawed.every(({ usable }) => usable) ? built : built.filter(({ usable }) => usable),
      problems: flawed.flatMap(({ problems }) => problems),
    };
    return result;
  };
}

function stillValid(entry: Entry, context: MappingContext): boolean {
  return (
    entry.context.defaults === context.defaults &&
    entry.context.lookup.inCluster === context.lookup.inCluster &&
    entry.context.lookup.ownNamespace === context.lookup.ownNamespace &&
    entry.asked.every(({ ask, answer }) => ask(context.lookup) === answer)
  );
}
