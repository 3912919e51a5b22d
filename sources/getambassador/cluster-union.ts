import { diffLists } from "../../ir/aligned.ts";
import { BucketMap } from "../../ir/bucket-map.ts";
import type { Cluster } from "../../ir/types.ts";

/**
 * The union of the clusters of domains and of what else is called, by name, kept by counting who uses each: a change looks only at the lists that it touches.
 * Equal names mean equal content, so the earlier object is kept: it is encoded already.
 */
export function clusterUnion(): (
  used: Iterable<{ readonly clusters: readonly Cluster[] }>,
) => ReadonlyMap<string, Cluster> {
  const users = new Map<string, number>();
  let lastLists: readonly (readonly Cluster[])[] = [];
  let union = BucketMap.of<Cluster>();
  return (used) => {
    const lists = Array.from(used, ({ clusters }) => clusters);
    const { removed, added } = diffLists(lastLists, lists);
    lastLists = lists;
    const touched = new Map<string, Cluster>();
    const count = (cluster: Cluster, by: 1 | -1): void => {
      users.set(cluster.name, (users.get(cluster.name) ?? 0) + by);
      if (!touched.has(cluster.name)) touched.set(cluster.name, cluster);
    };
    // A list and the one in its place mostly differ in one cluster; which lists are paired does not matter for the counts.
    for (let at = 0; at < Math.max(removed.length, added.length); at++) {
      const clusters = diffLists(removed[at] ?? [], added[at] ?? []);
      for (const cluster of clusters.removed) count(cluster, -1);
      for (const cluster of clusters.added) count(cluster, 1);
    }
    const come = [...touched].filter(([name]) => users.get(name) !== 0 && !union.has(name));
    const gone = [...touched.keys()].filter((name) => users.get(name) === 0);
    for (const name of gone) users.delete(name);
    union = union.with(come, gone);
    return union;
  };
}
