import type { Resources } from "../crds/resources.ts";
import type { Problem } from "../ir/problem.ts";
import type { Snapshot } from "../xds/snapshot.ts";

export interface Live {
  readonly resources: Resources;
  readonly problems: readonly Problem[];
}

/** Tells of resources when requests meet what was made of them. */
export interface WhenLive {
  /** Who is told. */
  tell: (live: Live) => void;
  /** Resources were compiled. */
  judged(resources: Resources, problems: readonly Problem[]): void;
  /** Something else than Envoy has came of it. */
  changed(): void;
  /** This is what goes to Envoy. */
  published(snapshot: Snapshot): void;
  acknowledged(snapshot: Snapshot): void;
}

export function whenLive(): WhenLive {
  let latest: Live | undefined;
  let isWaiting = true;
  let waitingFor: Snapshot | undefined;
  const when: WhenLive = {
    tell: () => undefined,
    judged(resources, problems) {
      const live = { resources, problems };
      latest = live;
      // After the snapshot that may come of it.
      setImmediate(() => {
        if (latest === live && !isWaiting) when.tell(live);
      });
    },
    changed() {
      isWaiting = true;
      waitingFor = undefined;
    },
    published(snapshot) {
      waitingFor = snapshot;
    },
    acknowledged(snapshot) {
      if (snapshot !== waitingFor) return;
      isWaiting = false;
      if (latest !== undefined) when.tell(latest);
    },
  };
  return when;
}
