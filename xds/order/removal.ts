import type { Snapshot, XdsType } from "../snapshot.ts";
import { send } from "./settle.ts";
import type { Draft } from "./stream.ts";

/** Types that Envoy keeps until told otherwise. The others it drops by unsubscribing; and while an old listener drains
 *  it still uses their last content, which a removal would take from it. */
const removable = ["cluster", "secret"] as const;
/** Types whose refused resources keep a predecessor in service, which names clusters that the snapshot has no more. */
const naming = ["extension", "listener", "route"] as const;

/** Called when Envoy has acknowledged every route of `current`: starts the grace period of what it has beyond that. */
export function condemn(draft: Draft, current: Snapshot): void {
  if (draft.condemned !== undefined || removable.every((type) => draft.ledgers[type].surplus.size === 0)) return;
  if (naming.some((type) => draft.ledgers[type].standingRefusals().length > 0)) return;
  draft.condemned = {
    elapsed: false,
    cluster: beyond(draft, "cluster", current),
    secret: beyond(draft, "secret", current),
  };
  draft.effects.push({ kind: "startTimer", timer: "grace", names: 0 });
}

/** Removes what has been unused for the whole grace period, was not taken up again, and is not about to be. */
export function removeCondemned(draft: Draft, current: Snapshot, newest: Snapshot): void {
  const condemned = draft.condemned;
  draft.condemned = undefined;
  if (condemned === undefined || naming.some((type) => draft.ledgers[type].standingRefusals().length > 0)) return;
  for (const type of removable) {
    const ledger = draft.ledgers[type];
    const gone = ledger.takeSurplus((name) => condemned[type].has(name) && !newest[type].has(name));
    if (gone.length > 0) send(draft, type, { upserts: [], removed: gone }, false);
  }
  condemn(draft, current);
}

function beyond(draft: Draft, type: XdsType, current: Snapshot): ReadonlySet<string> {
  return new Set([...draft.ledgers[type].surplus].filter((name) => !current[type].has(name)));
}
