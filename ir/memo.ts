/** Memoisation on object identity: equal inputs, by `===`, give the very same output. */

/** Remembers one result per key object, valid while every dependency is identical. */
export function memoByKey<Key extends object, Value>(
  make: (key: Key, deps: readonly unknown[]) => Value,
): (key: Key, deps: readonly unknown[]) => Value {
  const entries = new WeakMap<Key, { readonly deps: readonly unknown[]; readonly value: Value }>();
  return (key, deps) => {
    const entry = entries.get(key);
    if (entry !== undefined && sameElements(entry.deps, deps)) return entry.value;
    const value = make(key, deps);
    entries.set(key, { deps, value });
    return value;
  };
}

/** Remembers a result per key object for good: for functions of the key alone. */
export function memoForever<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const entries = new WeakMap<Key, { readonly value: Value }>();
  return (key) => {
    const entry = entries.get(key);
    if (entry !== undefined) return entry.value;
    const value = make(key);
    entries.set(key, { value });
    return value;
  };
}

/** Remembers the last result only, valid while every argument is identical. */
export function memoLast<Args extends readonly unknown[], Value>(
  make: (...args: Args) => Value,
): (...args: Args) => Value {
  let last: { readonly args: Args; readonly value: Value } | undefined;
  return (...args) => {
    if (last !== undefined && sameElements(last.args, args)) return last.value;
    const value = make(...args);
    last = { args, value };
    return value;
  };
}

/** Of values that are told in the same JSON the earlier one: so that a change of what nobody reads stops here. */
export function keepEqual<T>(first: T): (now: T) => T {
  let last = first;
  let text = JSON.stringify(last);
  return (now) => {
    if (now === last) return last;
    const said = JSON.stringify(now);
    if (said !== text) [last, text] = [now, said];
    return last;
  };
}

export function sameElements(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Same keys in the same order with identical values. */
export function sameEntries(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  const other = b.entries();
  for (const [key, value] of a) {
    const entry = other.next().value;
    if (entry === undefined || entry[0] !== key || entry[1] !== value) return false;
  }
  return true;
}

/**
 * Sorts `items` by a total order, given an earlier result that shares most of them: what is still there keeps its place,
 * what is new is sorted and merged in. The result equals a fresh sort; the cost is linear plus k log k for k new items.
 */
export function resort<T>(earlier: readonly T[], items: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  if (earlier.length === 0) return [...items].sort(compare);
  const left = new Set(items);
  const kept = earlier.filter((item) => left.delete(item));
  if (left.size === 0) return kept;
  const added = [...left].sort(compare);
  const merged: T[] = [];
  let next = 0;
  for (const item of kept) {
    for (
      let candidate = added[next];
      candidate !== undefined && compare(candidate, item) < 0;
      candidate = added[++next]
    ) {
      merged.push(candidate);
    }
    merged.push(item);
  }
  for (; next < added.length; next++) merged.push(added[next] as T);
  return merged;
}
