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
type Asked =
  /** Asked of each Mapping when any Service changes: a key that was made once is found several times faster. */
  | { readonly serviceKey: string; readonly answer: unknown }
  | { readonly ask: (lookup: TargetLookup) => unknown; readonly answer: unknown };

interface Entry<Spec, Built> {
  readonly resource: Resource<Spec>;
  context: MappingContext;
  asked: readonly Asked[];
  built: Built;
}

/** A lookup that notes what it is asked. */
function traced(lookup: TargetLookup, asked: Asked[]): TargetLookup {
  const note = <T>(ask: (lookup: TargetLookup) => T): T => {
    const answer = ask(lookup);
    asked.push({ ask, answer });
    return answer;
  };
  return {
    service(serviceKey) {
      const answer = lookup.service(serviceKey);
      asked.push({ serviceKey, answer });
      return answer;
    },
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
  const entries = new WeakMap<Resource<Spec>, Entry<Spec, Built>>();
  let current: MappingContext;
  let list: readonly Entry<Spec, Built>[] = [];
  const flawedOf = alignedFilter(({ usable, problems }: Built) => !usable || problems.length > 0);
  let earlier: readonly Built[] = [];
  let result: BuiltAll<Built> = { usable: [], problems: [] };

  const buildOne = (resource: Resource<Spec>): Pick<Entry<Spec, Built>, "context" | "asked" | "built"> => {
    const asked: Asked[] = [];
    const built = build(resource, { ...current, lookup: traced(current.lookup, asked) });
    return { context: current, asked, built };
  };
  const entriesOf = alignedMap((resource: Resource<Spec>) => {
    const known = entries.get(resource);
    if (known !== undefined) return known;
    const made = { resource, ...buildOne(resource) };
    entries.set(resource, made);
    return made;
  });

  return (resources, context) => {
    current = context;
    const now = entriesOf(resources);
    let isSame = now === list;
    list = now;
    for (const entry of now) {
      if (entry.context === context) continue;
      if (stillValid(entry, context)) entry.context = context;
      else {
        Object.assign(entry, buildOne(entry.resource));
        isSame = false;
      }
    }
    if (isSame) return result;
    const built = now.map((entry) => entry.built);
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

function stillValid(
  { context: { defaults, labelDomain, lookup }, asked }: Entry<unknown, unknown>,
  now: MappingContext,
) {
  if (defaults !== now.defaults || labelDomain !== now.labelDomain) return false;
  if (lookup.inCluster !== now.lookup.inCluster || lookup.ownNamespace !== now.lookup.ownNamespace) return false;
  for (const each of asked) {
    const answer = "serviceKey" in each ? now.lookup.service(each.serviceKey) : each.ask(now.lookup);
    if (answer !== each.answer) return false;
  }
  return true;
}
