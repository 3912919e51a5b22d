import type { Resources } from "../crds/resources.ts";
import { BucketMap, diffMaps } from "../ir/bucket-map.ts";
import { type Counters, zeroCounters } from "../ir/counters.ts";
import { memoForever, memoLast, sameElements } from "../ir/memo.ts";
import { compareProblems, type Problem } from "../ir/problem.ts";
import type { CompileSettings, RouteMatching } from "../ir/settings.ts";
import type { Cluster, Ir, Listener, Secret, Table } from "../ir/types.ts";
import { gatewayAssembler } from "../sources/getambassador/gateway.ts";
import { encodeCluster } from "../xds/resources/cluster.ts";
import { type EdsEndpoints, isEds } from "../xds/resources/endpoints.ts";
import { encodeFilters } from "../xds/resources/filters-slot.ts";
import { encodeListener } from "../xds/resources/listener.ts";
import { encodeRuntime } from "../xds/resources/runtime.ts";
import { encodeSecret } from "../xds/resources/secret.ts";
import { routeChecker, tableEncoder } from "../xds/resources/table.ts";
import type { ResourceMap, Snapshot, XdsResource } from "../xds/snapshot.ts";

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
  /** What this run built anew. */
  readonly counters: Readonly<Counters>;
}

export type Compiler = (resources: Resources, settings: CompileSettings) => Compiled;

/** As `createCompiler`, at a fraction of the cost where a host has thousands of routes: with all problems, and with tables that are empty. */
export function createChecker(): Compiler {
  return createCompiler(routeChecker);
}

/**
 * A compiler that remembers its parts by the identity of their inputs, down to encoded bytes. What it returns equals
 * `compile` on the same input; it only takes less work.
 */
export function createCompiler(newTableEncoder = tableEncoder): Compiler {
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

  return (resources, settings) => {
    counters = zeroCounters();
    matching = settings.routeMatching ?? "auto";
    const assembled = assemble(resources, settings);
    const { ir } = assembled;
    if (!sameElements(unsorted, assembled.problems)) {
      unsorted = assembled.problems;
      // A Mapping in several domains has the problems of its group in each of them.
      const sorted = [...new Set(unsorted)].sort(compareProblems);
      problems = sorted.filter((problem, index) => {
        const before = sorted[index - 1];
        return before === undefined || compareProblems(before, problem) !== 0;
      });
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
      sourceMap: sourceMap(ir, assembled.targets),
      counters,
    };
  };
}

/** The fresh compile, which remembers nothing. */
export function compile(resources: Resources, settings: CompileSettings): Compiled {
  return createCompiler()(resources, settings);
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
