import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { BucketMap, diffMaps } from "../../ir/bucket-map.ts";

/** Few names and few values, so that edits meet each other; undefined is a value like any other. */
const name = fc.integer({ min: 0, max: 400 }).map((number) => `name-${number}`);
const value = fc.constantFrom(1, 2, undefined);
const edits = fc.record({
  set: fc.array(fc.tuple(name, value), { maxLength: 20 }),
  gone: fc.array(name, { maxLength: 20 }),
});

function sorted<V>(entries: Iterable<readonly [string, V]>): (readonly [string, V])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("a map in buckets", () => {
  it("is what a plain map would be after every edit, and leaves all earlier ones as they were", () => {
    fc.assert(
      fc.property(fc.array(edits, { maxLength: 20 }), (list) => {
        let map = BucketMap.of<number | undefined>();
        let plain = new Map<string, number | undefined>();
        const history = [{ map, plain }];
        for (const { set, gone } of list) {
          map = map.with(set, gone);
          plain = new Map(plain);
          for (const each of gone) plain.delete(each);
          for (const [key, to] of set) plain.set(key, to);
          history.push({ map, plain });
        }
        for (const { map, plain } of history) {
          expect(sorted(map)).toEqual(sorted(plain));
          expect(map.size).toBe(plain.size);
          expect([...map.keys()].sort()).toEqual([...plain.keys()].sort());
          for (const [key, to] of plain) expect([map.has(key), map.get(key)]).toEqual([true, to]);
          expect(map.has("none")).toBe(false);
        }
        // Any two of them, as a stream has it that is some snapshots behind, and each beside a plain map.
        const [first = { map, plain }] = history;
        for (const { map: earlier, plain: plainEarlier } of history) {
          for (const previous of [earlier, plainEarlier]) {
            const { changed, gone } = diffMaps<number | undefined>(previous, map);
            const patched = new Map(plainEarlier);
            for (const each of gone) expect(patched.delete(each)).toBe(true);
            for (const [key, to] of changed) {
              expect(patched.has(key) && patched.get(key) === to).toBe(false);
              patched.set(key, to);
            }
            expect(sorted(patched)).toEqual(sorted(plain));
          }
        }
        expect(diffMaps(map, first.map).gone.length).toBe(plain.size);
      }),
    );
  });

  it("shares all but one part with the map that it differs from in one name, so that comparing them is cheap", () => {
    const map = BucketMap.of(Array.from({ length: 10_000 }, (_, index) => [`cluster_10_0_${index}`, index] as const));
    const parts = (other: BucketMap<number>) => [...BucketMap.apart(map, other)].map(([before]) => before.size);
    for (const other of [map.with([["one more", 1]]), map.with([], ["cluster_10_0_7"])]) {
      expect(parts(other)).toHaveLength(1);
      expect(Math.max(...parts(other))).toBeLessThan(120);
    }
  });

  it("is the very same map when nothing changes", () => {
    const map = BucketMap.of([
      ["a", 1],
      ["b", 2],
    ]);
    expect(map.with([["a", 1]], ["c"])).toBe(map);
    expect(map.with([["a", 2]])).not.toBe(map);
    expect(diffMaps(map, map)).toEqual({ changed: [], gone: [] });
  });
});
