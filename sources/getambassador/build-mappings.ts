import type { MappingSpec } from "../../crds/mapping.ts";
import type { TCPMappingSpec } from "../../crds/tcp-mapping.ts";
import type { Counters } from "../../ir/counters.ts";
import { alignedFilter, alignedMap } from "../../ir/aligned.ts";
import { sameElements } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import { type BuiltMapping, buildMapping, type MappingContext } from "./mapping.ts";
import type { TargetLookup } from "./target.ts";
import { type BuiltTcpMapping, buildTcpMapping } from "./tcp-mapping.ts";

/** A question put to the lookup while a Mapping was built, and its answer: valid as long as it is answered alike. */
interface Asked {
  readonly ask: (lookup: TargetLookup) => unknown;
  readonly answer: unknown;
}

interface Entry<Built> {
  context: MappingContext;
  readonly asked: readonly Asked[];
  readonly built: Built;
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

/** Of one kind. */
export interface BuiltAll<Built> {
  /** Keeps its identity while its content does. */
  readonly usable: readonly Built[];
  readonly problems: readonly Problem[];
}

type BuildAll<Spec, Built> = (resources: readonly Resource<Spec>[], context: MappingContext) => BuiltAll<Built>;

export function mappingBuilder(counters: () => Counters): BuildAll<MappingSpec, BuiltMapping> {
  return builderOf((resource, context) => {
    counters().mappings++;
    return buildMapping(resource, context);
  });
}

export function tcpMappingBuilder(): BuildAll<TCPMappingSpec, BuiltTcpMapping> {
  return builderOf(buildTcpMapping);
}

/** Builds objects; one is built again only when it, the Module's defaults or something it looked up has changed. */
function builderOf<Spec, Built extends { readonly problems: readonly Problem[]; readonly usable: boolean }>(
  build: (resource: Resource<Spec>, context: MappingContext) => Built,
): BuildAll<Spec, Built> {
  const entries = new WeakMap<Resource<Spec>, Entry<Built>>();
  let lastContext: MappingContext | undefined;
  let inContext: (resources: readonly Resource<Spec>[]) => readonly Built[] = () => [];
  const flawedOf = alignedFilter(({ usable, problems }: Built) => !usable || problems.length > 0);
  let earlier: readonly Built[] = [];
  let result: BuiltAll<Built> = { usable: [], problems: [] };

  const buildOne = (resource: Resource<Spec>, context: MappingContext): Built => {
    const entry = entries.get(resource);
    if (entry !== undefined && (entry.context === context || stillValid(entry, context))) {
      entry.context = context;
      return entry.built;
    }
    const asked: Asked[] = [];
    const built = build(resource, { ...context, lookup: traced(context.lookup, asked) });
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

function stillValid(entry: Entry<unknown>, context: MappingContext): boolean {
  return (
    entry.context.defaults === context.defaults &&
    entry.context.labelDomain === context.labelDomain &&
    entry.context.lookup.inCluster === context.lookup.inCluster &&
    entry.context.lookup.ownNamespace === context.lookup.ownNamespace &&
    entry.asked.every(({ ask, answer }) => ask(context.lookup) === answer)
  );
}
