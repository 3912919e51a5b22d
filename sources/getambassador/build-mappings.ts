import type { MappingSpec } from "../../crds/mapping.ts";
import type { TCPMappingSpec } from "../../crds/tcp-mapping.ts";
import type { Counters } from "../../ir/counters.ts";
import { alignedFilter, alignedMap, diffLists } from "../../ir/aligned.ts";
import { sameElements } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import { type Asked, type Basis, basisOf, createAskers, isAnsweredAlike, noting } from "./asked.ts";
import { type BuiltMapping, buildMapping, type MappingContext } from "./mapping.ts";
import { type BuiltTcpMapping, buildTcpMapping } from "./tcp-mapping.ts";

interface Entry<Spec, Built> {
  readonly resource: Resource<Spec>;
  basis: Basis;
  asked: readonly Asked[];
  built: Built;
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
  const askers = createAskers<Entry<Spec, Built>>();
  let context: MappingContext;
  /** That of the last run which came to its end. */
  let settled: MappingContext | undefined;
  let basis: Basis;
  let list: readonly Entry<Spec, Built>[] = [];
  const flawedOf = alignedFilter(({ usable, problems }: Built) => !usable || problems.length > 0);
  let earlier: readonly Built[] = [];
  let result: BuiltAll<Built> = { usable: [], problems: [] };

  const buildOne = (resource: Resource<Spec>): Entry<Spec, Built> => {
    const asked: Asked[] = [];
    const built = build(resource, { ...context, lookup: noting(context.lookup, asked) });
    return { resource, basis, asked, built };
  };
  const isValid = (entry: Entry<Spec, Built>): boolean =>
    entry.basis === basis && entry.asked.every((each) => isAnsweredAlike(each, context.lookup));

  const entriesOf = alignedMap((resource: Resource<Spec>) => {
    const known = entries.get(resource);
    if (known !== undefined && isValid(known)) return known;
    const made = buildOne(resource);
    entries.set(resource, made);
    return made;
  });

  return (resources, now) => {
    const since = settled?.lookup;
    const earlierBasis = basis;
    settled = undefined;
    context = now;
    basis = basisOf(now, basis);
    const entriesNow = entriesOf(resources);
    let isSame = since !== undefined && entriesNow === list;
    const { removed, added } = diffLists(list, entriesNow);
    askers.change(removed, added);
    list = entriesNow;
    const services = since === undefined || basis !== earlierBasis ? undefined : now.lookup.changedServices(since);
    // Other answers than of Services may concern any of them.
    for (const entry of services === undefined ? list : askers.of(services)) {
      if (isValid(entry)) continue;
      askers.change([entry], []);
      Object.assign(entry, buildOne(entry.resource));
      askers.change([], [entry]);
      isSame = false;
    }
    settled = now;
    if (isSame) return result;
    const built = list.map((entry) => entry.built);
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
