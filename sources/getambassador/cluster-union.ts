import { sameElements, sameEntries } from "../../ir/memo.ts";
import type { Cluster } from "../../ir/types.ts";
import type { Domain } from "./domains.ts";

/**
 * The union of the clusters of domains and of what else is called, by name. Equal names mean equal content, so the earlier object is kept: it is
 * encoded already.
 */
export function clusterUnion(): (
  used: ReadonlySet<Domain>,
  others: readonly Cluster[],
) => ReadonlyMap<string, Cluster> {
  let lastLists: readonly (readonly Cluster[])[] = [];
  let last: ReadonlyMap<string, Cluster> = new Map();
  return (used, others) => {
    const lists = [...[...used].map(({ clusters }) => clusters), others];
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
