import { sameElements, sameEntries } from "../../ir/memo.ts";
import type { Cluster } from "../../ir/types.ts";
import type { Domain } from "./domains.ts";

/**
 * The union of the clusters of domains, by name. Equal names mean equal content, so the earlier object is kept: it is
 * encoded already.
 */
export function clusterUnion(): (used: ReadonlySet<Domain>) => ReadonlyMap<string, Cluster> {
  let lastLists: readonly (readonly Cluster[])[] = [];
  let last: ReadonlyMap<string, Cluster> = new Map();
  return (used) => {
    const lists = [...used].map(({ clusters }) => clusters);
    if (sameElements(lists, lastLists)) return last;
    lastLists = lists;
    const now = new Map<string, Cluster>();
    for (const clusters of lists) {
      for (const cluster of clusters)
        if (!now.has(cluster.name)) now.set(cluster.name, last.get(cluster.name) ?? cluster);
    }
    if (!sameEntries(now, last)) last = now;
    return last;
  };
}
