import type { Cluster, Ir, Source } from "../ir/types.ts";
import type { CertificateUse } from "../sources/getambassador/certificate-uses.ts";
import { filtersInSlot } from "../xds/resources/filters-slot.ts";

/** Leads from Envoy's resources back to objects and fields. Answers are looked up in the IR when asked, so that keeping it costs nothing. */
export interface SourceMap {
  listener(name: string): readonly Source[];
  /** Routes of a table, by the route's name in Envoy. */
  route(table: string, name: string): readonly Source[];
  cluster(name: string): readonly Source[];
  /** The same of several, by name. */
  clusters(names: ReadonlySet<string>): ReadonlyMap<string, readonly Source[]>;
  /** Who uses a certificate or an authority, by the secret's name in Envoy. */
  secret(name: string): readonly Source[];
  /** What a slot of filters has come from. */
  extension(name: string): readonly Source[];
  /** A setting of the whole gateway, by its key; nothing where all of them are defaults. */
  setting(key: string): readonly Source[];
  /** A filter chain, by listener and chain name. */
  chain(listener: string, name: string): readonly Source[];
}

/** What sends to a cluster, be it only copies of requests. */
export interface ClusterTarget {
  readonly cluster: Cluster | undefined;
  readonly source: Source;
}

export function sourceMap(
  ir: Ir,
  targets: readonly ClusterTarget[],
  certificates: readonly CertificateUse[] = [],
): SourceMap {
  const routes = function* (table?: string) {
    for (const each of table === undefined ? ir.tables.values() : [ir.tables.get(table)]) {
      for (const { routes } of each?.virtualHosts ?? []) yield* routes;
    }
  };
  const setting = (key: string): readonly Source[] =>
    ir.owner === undefined ? [] : [{ object: ir.owner, path: ["spec", "config", key] }];
  const unique = (sources: Iterable<Source>): readonly Source[] => [...new Set(sources)];
  const clusters = (names: ReadonlySet<string>): ReadonlyMap<string, readonly Source[]> => {
    const found = new Map<string, Source[]>();
    for (const { cluster, source } of names.size === 0 ? [] : targets) {
      if (cluster === undefined || !names.has(cluster.name)) continue;
      const sources = found.get(cluster.name) ?? [];
      found.set(cluster.name, [...sources, { object: source.object, path: [...source.path, "service"] }]);
    }
    return found;
  };
  return {
    listener: (name) => ir.listeners.filter((listener) => listener.name === name).map(({ source }) => source),
    route: (table, name) =>
      unique([...routes(table)].filter((route) => route.name === name).map(({ source }) => source)),
    cluster: (name) => clusters(new Set([name])).get(name) ?? [],
    clusters,
    secret: (name) =>
      certificates.filter(({ secret }) => secret === name).map(({ object, path }) => ({ object, path })),
    extension: (name) => {
      const inSlot = filtersInSlot(name);
      return ir.filters
        .filter((filter) => inSlot.includes(filter.name))
        .flatMap(({ keys = [] }) => keys.flatMap(setting));
    },
    setting,
    chain(listener, name) {
      const found = ir.listeners.find((each) => each.name === listener);
      const chain = found?.chains.find((each) => each.name === name);
      if (found === undefined || chain === undefined) return [];
      return chain.kind === "tcp" ? chain.sources : [found.source];
    },
  };
}
