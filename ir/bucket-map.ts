/**
 * Maps of 10,000 names of which one change touches one: a copy with a few entries changed shares all else with the original, and
 * two maps that share are compared without looking at what they share.
 */

const BUCKETS = 256;

type Bucket<V> = ReadonlyMap<string, V>;

/** An immutable map by name. The order of its entries means nothing. */
export class BucketMap<V> implements ReadonlyMap<string, V> {
  readonly size: number;
  readonly #buckets: readonly Bucket<V>[];

  private constructor(buckets: readonly Bucket<V>[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  static of<V>(entries: Iterable<readonly [string, V]> = []): BucketMap<V> {
    return new BucketMap<V>(new Array<Bucket<V>>(BUCKETS).fill(new Map()), 0).with(entries);
  }

  /** This map with some entries set and some names gone; this very map when that changes nothing. */
  with(entries: Iterable<readonly [string, V]>, gone: Iterable<string> = []): BucketMap<V> {
    const touched = new Map<number, Map<string, V>>();
    let { size } = this;
    const current = (at: number) => touched.get(at) ?? (this.#buckets[at] as Bucket<V>);
    const writable = (at: number): Map<string, V> => {
      let bucket = touched.get(at);
      if (bucket === undefined) touched.set(at, (bucket = new Map(this.#buckets[at])));
      return bucket;
    };
    for (const name of gone) {
      const at = bucketOf(name);
      if (!current(at).has(name)) continue;
      writable(at).delete(name);
      size--;
    }
    for (const [name, value] of entries) {
      const at = bucketOf(name);
      const isKnown = current(at).has(name);
      if (isKnown && current(at).get(name) === value) continue;
      writable(at).set(name, value);
      if (!isKnown) size++;
    }
    if (touched.size === 0) return this;
    return new BucketMap(
      this.#buckets.map((bucket, at) => touched.get(at) ?? bucket),
      size,
    );
  }

  get(name: string): V | undefined {
    return this.#buckets[bucketOf(name)]?.get(name);
  }

  has(name: string): boolean {
    return this.#buckets[bucketOf(name)]?.has(name) === true;
  }

  *entries(): Generator<[string, V], undefined> {
    for (const bucket of this.#buckets) yield* bucket;
  }

  *keys(): Generator<string, undefined> {
    for (const bucket of this.#buckets) yield* bucket.keys();
  }

  *values(): Generator<V, undefined> {
    for (const bucket of this.#buckets) yield* bucket.values();
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries();
  }

  forEach(visit: (value: V, name: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [name, value] of this) visit(value, name, this);
  }

  /** The parts in which two of these maps differ. */
  static *apart<V>(a: BucketMap<V>, b: BucketMap<V>): Generator<readonly [Bucket<V>, Bucket<V>], undefined> {
    for (let at = 0; at < BUCKETS; at++) {
      const [left, right] = [a.#buckets[at], b.#buckets[at]];
      if (left !== undefined && right !== undefined && left !== right) yield [left, right];
    }
  }
}

function bucketOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & (BUCKETS - 1);
}

/** What changed from one map to the next, by identity of the values. */
export interface MapDiff<V> {
  /** Added ones too. */
  readonly changed: readonly (readonly [string, V])[];
  readonly gone: readonly string[];
}

/** Right for any two maps; quick for two BucketMaps of which one was made from the other, in however many steps. */
export function diffMaps<V>(previous: ReadonlyMap<string, V>, next: ReadonlyMap<string, V>): MapDiff<V> {
  const changed: (readonly [string, V])[] = [];
  const gone: string[] = [];
  if (previous === next) return { changed, gone };
  const share = previous instanceof BucketMap && next instanceof BucketMap;
  for (const [before, now] of share ? BucketMap.apart<V>(previous, next) : [[previous, next] as const]) {
    for (const entry of now) if (before.get(entry[0]) !== entry[1] || !before.has(entry[0])) changed.push(entry);
    for (const name of before.keys()) if (!now.has(name)) gone.push(name);
  }
  return { changed, gone };
}
