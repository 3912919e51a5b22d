import { type Fields, has, isEqual } from "./json.ts";

/** How the keys of a map differ. */
export interface FieldChanges {
  /** Of before, renamed ones included. */
  readonly gone: readonly string[];
  /** Old name to new: the same value under another name. */
  readonly renames: ReadonlyMap<string, string>;
  /** Of after, beside the renamed ones; the caller takes them out as it writes them. */
  readonly fresh: string[];
}

export function fieldChanges(before: Fields, after: Fields): FieldChanges {
  const added = new Set(Object.keys(after).filter((key) => !has(before, key)));
  const gone = Object.keys(before).filter((key) => !has(after, key));
  const renames = new Map<string, string>();
  for (const key of gone) {
    const to = [...added].find((each) => isEqual(after[each], before[key]));
    if (to === undefined) continue;
    renames.set(key, to);
    added.delete(to);
  }
  return { gone, renames, fresh: [...added] };
}
