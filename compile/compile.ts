import type { Resources } from "../crds/resources.ts";
import { BucketMap, diffMaps } from "../ir/bucket-map.ts";
import { type Counters, zeroCounters } from "../ir/counters.ts";
import type { FreeUse } from "../ir/free-content.ts";
import { memoForever, memoLast, sameElements } from "../ir/memo.ts";
import { compareProblems, type Problem, subjectsOf, toldOf } from "../ir/problem.ts";
import type { CompileSettings, RouteMatching } from "../ir/settings.ts";
import type { Cluster, Ir, Listener, Secret, Table } from "../ir/types.ts";
import type { CertificateUse } from "../sources/getambassador/certificate-uses.ts";
import { gatewayAssembler } from "../sources/getambassador/gateway.ts";
import { encodeCluster } from "../xds/resources/cluster.ts";
import { type EdsEndpoints, isEds } from "../xds/resources/endpoints.ts";
import { encodeFilters } from "../xds/resources/filters-slot.ts";
import { encodeListener } from "../xds/resources/listener.ts";
import { encodeRuntime } from "../xds/resources/runtime.ts";
import { encodeSecret } from "../xds/resources/secret.ts";
import { routeChecker, tableEncoder } from "../xds/resources/table.ts";
import type { ResourceMap, Snapshot, XdsResource } from "../xds/snapshot.ts";

import { freeUses, isQuestion } from "./free-uses.ts";
import { createExpander, type Expander, type Expansion } from "./expand.ts";
import { type Origins, originsOf } from "./origins.ts";
import { type SourceMap, sourceMap } from "./source-map.ts";

export interface Compiled {
  readonly ir: Ir;
  /** Without endpoints, which discovery fills in: they change without a compile. */
  readonly snapshot: Omit<Snapshot, "endpoint">;
  /** What the EDS clusters need, by the name of the EDS resource. */
  readonly endpoints: ReadonlyMap<string, EdsEndpoints>;
  /** Sorted: equal problems stand at equal places. */
  readonly problems: readonly Problem[];
  readonly sourceMap: SourceMap;
  readonly origins: Origins;
  /** What only Envoy can judge of what is served. The same list while nothing of it changes. */
  readonly freeUses: readonly FreeUse[];
  /** What is served with TLS: whether it is still good depends on the time. */
  readonly certificates: readonly CertificateUse[];
  /** The resources with what stands within others. */
  readonly expansion: Expansion;
  /** What this run built anew. */
  readonly counters: Readonly<Counters>;
}

/** Takes resources as they are stored, or expanded before. */
export type Compiler = (input: Resources | Expansion, settings: CompileSettings) => Compiled;

/** A compiler whose first step can be had by itself: for who replaces some of the resources that come of it. */
export interface SteppedCompiler extends Compiler {
  readonly expand: Expander;
}

/** As `createCompiler`, at a fraction of the cost where a host has thousands of routes: with all problems, and with tables that are empty. */
export function createChecker(): SteppedCompiler {
  return createCompiler(routeChecker);
}

/**
 * A compiler that remembers its parts by the identity of their inputs, down to encoded bytes. What it returns equals
 * `compile` on the same input; it only takes less work.
 */
export function createCompiler(newTableEncoder = tableEncoder): SteppedCompiler {
  let counters = zeroCounters();
  const current = () => counters;
  const assemble = gatewayAssembler(current);
  let matching: RouteMatching = "auto";
  const tableBytes = newTableEncoder(current, () => matching);
  const encodeOneCluster = (cluster: Cluster) => {
    counters.clusters++;
    return encodeCluster(cluster);
  };
  const encodeOneListener = memoForever((listener: Listener) => encodeListener(listener));
  const extensions = memoLast(
    (filters: Ir["filters"]): ResourceMap => new Map(encodeFilters(filters).map((slot) => [slot.name, slot])),
  );
  const runtime = memoLast((flags: Ir["runtime"]): ResourceMap => {
    const layer = encodeRuntime(flags);
    return new Map([[layer.name, layer]]);
  });
  const encodeOneSecret = memoForever((secret: Secret) => encodeSecret(secret));
  const clusters = encodedMap<Cluster>();
  const tables = encodedMap<Table>();
  const listeners = encodedMap<Listener>();
  const secrets = encodedMap<Secret>();
  const endpointsOf = neededEndpoints();
  let problems: readonly Problem[] = [];
  let unsorted: readonly Problem[] = [];
  let questions: readonly Problem[] = [];
  const freeUsesOf = memoLast(freeUses);
  const expand = createExpander();

  const compile: Compiler = (input, settings) => {
    counters = zeroCounters();
    matching = settings.routeMatching ?? "auto";
    const expansion = "resources" in input ? input : expand(input, settings);
    const assembled = assemble(expansion.resources, settings);
    const { ir } = assembled;
    const found = expansion.problems.length === 0 ? assembled.problems : [...expansion.problems, ...assembled.problems];
    if (!sameElements(unsorted, found)) {
      unsorted = found;
      // A Mapping in several domains has the problems of its group in each of them.
      const all = [...new Set(unsorted)];
      const asking = all.filter(isQuestion);
      if (!sameElements(asking, questions)) questions = asking;
      const told = asking.length === 0 ? all : all.filter((problem) => !isQuestion(problem));
      problems = onceEach(told.map(toldOf).sort(compareProblems));
    }
    tableBytes.retain(ir.tables);
    return {
      ir,
      snapshot: {
        runtime: runtime(ir.runtime),
        cluster: clusters(ir.clusters, encodeOneCluster),
        extension: extensions(ir.filters),
        listener: listeners(listenerMap(ir.listeners), encodeOneListener),
        route: tables(ir.tables, tableBytes.encode),
        secret: secrets(ir.secrets, encodeOneSecret),
      },
      endpoints: endpointsOf(ir.clusters),
      problems,
      sourceMap: sourceMap(ir, assembled.targets, assembled.certificates),
      origins: originsOf(assembled),
      freeUses: freeUsesOf(questions, ir.secrets),
      certificates: assembled.certificates,
      expansion,
      counters,
    };
  };
  return Object.assign(compile, { expand });
}

/** The fresh compile, which remembers nothing. */
export function compile(input: Resources | Expansion, settings: CompileSettings): Compiled {
  return createCompiler()(input, settings);
}

/** Of what is told in the same words for several objects, which stand within one, one problem of them all. */
function onceEach(sorted: readonly Problem[]): readonly Problem[] {
  const kept: Problem[] = [];
  for (const problem of sorted) {
    const before = kept.at(-1);
    if (before === undefined || compareProblems(before, problem) !== 0) kept.push(problem);
    else if (problem.inner !== undefined)
      kept[kept.length - 1] = { ...before, inner: [...subjectsOf(before), ...problem.inner] };
  }
  return kept;
}

/** Encodes a collection to a map by name, what differs from the last one. */
function encodedMap<T>(): (items: ReadonlyMap<string, T>, encode: (item: T) => XdsResource) => ResourceMap {
  let lastItems: ReadonlyMap<string, T> = new Map();
  let last = BucketMap.of<XdsResource>();
  return (items, encode) => {
    const { changed, gone } = diffMaps(lastItems, items);
    last = last.with(
      changed.map(([name, item]) => [name, encode(item)]),
      gone,
    );
    lastItems = items;
    return last;
  };
}

const listenerMap = memoForever(
  (listeners: readonly Listener[]): ReadonlyMap<string, Listener> =>
    new Map(listeners.map((listener) => [listener.name, listener])),
);

function neededEndpoints(): (clusters: Ir["clusters"]) => ReadonlyMap<string, EdsEndpoints> {
  let lastClusters: Ir["clusters"] = new Map();
  let needed = BucketMap.of<EdsEndpoints>();
  return (clusters) => {
    const { changed, gone } = diffMaps(lastClusters, clusters);
    lastClusters = clusters;
    const come = changed.flatMap(([name, { endpoints }]): [string, EdsEndpoints][] =>
      isEds(endpoints) ? [[name, needed.get(name) ?? endpoints]] : [],
    );
    needed = needed.with(come, gone);
    return needed;
  };
}
