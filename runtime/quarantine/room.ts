/** How much of what is in quarantine is written down: whoever may write Mappings must not be able to fill a cluster's store by them. */
import type { Writing } from "./secret.ts";
import { groupBy } from "../../ir/group-by.ts";

export interface Room {
  readonly secrets: number;
  /** Of records, unpacked. */
  readonly bytes: number;
}

/** Small beside the 2 GiB that etcd has by default, and far more than one mistake puts in quarantine. */
export const usualRoom: Room = { secrets: 5000, bytes: 32 * 1024 * 1024 };

export interface Selection {
  readonly kept: ReadonlyMap<string, Writing>;
  /** What there is no room for. */
  readonly left: readonly Writing[];
}

/**
 * Namespaces take turns, so that one with thousands leaves the others' room alone; within a namespace what is written already goes
 * first, so that nothing is written and removed in turn.
 * @param writings by the names of their Secrets
 */
export function selectFor(
  room: Room,
  writings: ReadonlyMap<string, Writing>,
  isWritten: (name: string) => boolean,
): Selection {
  const bytes = [...writings.values()].reduce((sum, each) => sum + each.bytes, 0);
  if (writings.size <= room.secrets && bytes <= room.bytes) return { kept: writings, left: [] };
  const kept = new Map<string, Writing>();
  const left: Writing[] = [];
  let free = room.bytes;
  for (const [name, writing] of inTurns(writings, isWritten)) {
    if (kept.size < room.secrets && writing.bytes <= free) {
      kept.set(name, writing);
      free -= writing.bytes;
    } else left.push(writing);
  }
  return { kept, left };
}

type Named = readonly [name: string, writing: Writing];

function inTurns(writings: ReadonlyMap<string, Writing>, isWritten: (name: string) => boolean): readonly Named[] {
  const byNamespace = groupBy(writings, ([, { record }]) => record.object.namespace);
  const placed = [...byNamespace.values()].flatMap((list) => {
    const written = list.filter(([name]) => isWritten(name));
    const others = list.filter(([name]) => !isWritten(name));
    return [...written, ...others].map((named, turn) => ({ named, turn }));
  });
  return placed.sort((a, b) => a.turn - b.turn).map(({ named }) => named);
}
