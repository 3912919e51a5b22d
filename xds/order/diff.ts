import type { ResourceMap, XdsResource } from "../snapshot.ts";

/** What changed from one map of a type to the next, by identity of the resources: a superset of what changed by version. */
export interface MapDiff {
  readonly changed: readonly XdsResource[];
  readonly gone: readonly string[];
}

/** Walks both maps side by side. Maps come in a stable order, so nearly every step is one comparison of two references;
 *  only where they part does a name get looked up. Any order gives a right answer. */
export function diffMaps(previous: ResourceMap, next: ResourceMap): MapDiff {
  const changed: XdsResource[] = [];
  const gone: string[] = [];
  const old = previous.values();
  let left = old.next();
  for (const resource of next.values()) {
    while (!left.done && left.value !== resource && !next.has(left.value.name)) {
      gone.push(left.value.name);
      left = old.next();
    }
    if (!left.done && left.value === resource) {
      left = old.next();
      continue;
    }
    const before = previous.get(resource.name);
    if (before !== resource) changed.push(resource);
    // An addition leaves the old side where it is; anything else was somewhere in it, most likely here.
    if (before !== undefined) left = old.next();
  }
  for (; !left.done; left = old.next()) {
    if (!next.has(left.value.name)) gone.push(left.value.name);
  }
  return { changed, gone };
}
