import type { Resources } from "../crds/resources.ts";
import type { Problem } from "../ir/problem.ts";
import type { Snapshot } from "../xds/snapshot.ts";

export interface Live {
  readonly resources: Resources;
  readonly problems: readonly Problem[];
  /** By kind: the resourceVersion of the last change among the resources. Empty for files. */
  readonly versions: ReadonlyMap<string, string>;
}

/** Tells of resources when requests meet what was made of them. */
export interface WhenLive {
  /** Adds one who is told. Of what a newer one overtook nothing is told. */
  onLive(listener: (live: Live) => void): void;
  /** Resources were compiled. `isNews`: what Envoy is to have is not what it was, so that `published` follows. */
  judged(live: Live, isNews: boolean): void;
  /** This goes to Envoy: what was judged last. */
  published(snapshot: Snapshot): void;
  acknowledged(snapshot: Snapshot): void;
}

export function whenLive(): WhenLive {
  const listeners: ((live: Live) => void)[] = [];
  /** What a snapshot serves: the newest that came to the same. */
  const served = new WeakMap<Snapshot, Live>();
  let latest: Live | undefined;
  let isUnpublished = true;
  let current: Snapshot | undefined;
  let isAcknowledged = false;
  const tell = (live: Live): void => listeners.forEach((listener) => listener(live));
  return {
    onLive: (listener) => void listeners.push(listener),
    judged(live, isNews) {
      latest = live;
      isUnpublished ||= isNews;
      if (isUnpublished || current === undefined) return;
      served.set(current, live);
      if (isAcknowledged) tell(live);
    },
    published(snapshot) {
      current = snapshot;
      isUnpublished = isAcknowledged = false;
      if (latest !== undefined) served.set(snapshot, latest);
    },
    acknowledged(snapshot) {
      if (snapshot === current) isAcknowledged = true;
      const live = served.get(snapshot);
      if (live !== undefined) tell(live);
    },
  };
}
