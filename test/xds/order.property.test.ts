import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emptySnapshot, type Snapshot, type XdsResource, type XdsType } from "../../xds/snapshot.ts";
import { modelResource, World } from "./model.ts";

/** Contents are small numbers, so that some snapshots share resources and others differ. */
const content = fc.integer({ min: 0, max: 2 });
const clusterNames = ["c0", "c1", "c2", "c3", "c4"];
const routeNames = ["r0", "r1", "r2"];

/** A consistent snapshot: every name that is used is there. */
const snapshots: fc.Arbitrary<Snapshot> = fc
  .record({
    clusters: fc.uniqueArray(fc.record({ name: fc.constantFrom(...clusterNames), eds: fc.boolean(), content, endpoints: content }), {
      selector: (cluster) => cluster.name,
      minLength: 1,
    }),
    routes: fc.uniqueArray(fc.record({ name: fc.constantFrom(...routeNames), picks: fc.array(fc.nat(4), { maxLength: 3 }), content }), {
      selector: (route) => route.name,
      minLength: 1,
    }),
    listeners: fc.uniqueArray(fc.record({ name: fc.constantFrom("l0", "l1"), picks: fc.array(fc.nat(2), { minLength: 1, maxLength: 2 }), content }), {
      selector: (listener) => listener.name,
    }),
  })
  .map(({ clusters, routes, listeners }) => {
    const pick = (from: readonly { readonly name: string }[], picks: readonly number[]) =>
      [...new Set(picks.map((index) => from[index % from.length]?.name ?? ""))];
    return {
      ...emptySnapshot,
      cluster: mapOf("cluster", clusters, ({ eds, content }) => ({ eds, content })),
      endpoint: mapOf("endpoint", clusters.filter(({ eds }) => eds), ({ endpoints }) => ({ endpoints })),
      route: mapOf("route", routes, ({ picks, content }) => ({ clusters: pick(clusters, picks), content })),
      listener: mapOf("listener", listeners, ({ picks, content }) => ({ routes: pick(routes, picks), content })),
    };
  });

function mapOf<T extends { readonly name: string }>(type: XdsType, items: readonly T[], body: (item: T) => object): ReadonlyMap<string, XdsResource> {
  return new Map(items.map((item) => [item.name, modelResource(type, item.name, body(item))]));
}

type Move =
  | { readonly kind: "deliver"; readonly resubscribes: boolean }
  | { readonly kind: "reply" | "grace" | "reconnect" }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot };

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("deliver" as const), resubscribes: fc.boolean() }) },
    { weight: 6, arbitrary: fc.constant({ kind: "reply" as const }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("snapshot" as const), snapshot: snapshots }) },
    { weight: 1, arbitrary: fc.constant({ kind: "grace" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "reconnect" as const }) },
  ),
  { maxLength: 120 },
);

function play(naiveOrder: boolean, first: Snapshot, list: readonly Move[], last: Snapshot): World {
  const world = new World(naiveOrder);
  world.setSnapshot(first);
  for (const move of list) make(world, move);
  world.setSnapshot(last);
  world.quiesce();
  return world;
}

function make(world: World, move: Move): void {
  switch (move.kind) {
    case "deliver":
      world.deliver(move.resubscribes);
      return;
    case "reply":
      world.reply();
      return;
    case "grace":
      world.fire("grace");
      return;
    case "reconnect":
      world.reconnect();
      return;
    case "snapshot":
      world.setSnapshot(move.snapshot);
      return;
  }
}

function versions(map: ReadonlyMap<string, XdsResource>): Record<string, string> {
  const sorted = [...map.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  return Object.fromEntries(sorted.map(({ name, version }) => [name, version]));
}

describe("whatever the order of messages, timers, lost streams and snapshots", () => {
  it("Envoy ends with exactly the last snapshot, and it is acknowledged", () => {
    fc.assert(
      fc.property(snapshots, moves, snapshots, (first, list, last) => {
        const world = play(false, first, list, last);
        const { has, warming } = world.envoy;
        expect(versions(has.cluster)).toEqual(versions(last.cluster));
        expect(versions(has.listener)).toEqual(versions(last.listener));
        expect(warming.size).toBe(0);
        for (const type of ["route", "endpoint"] as const) {
          for (const resource of has[type].values()) expect(resource.version).toBe(last[type].get(resource.name)?.version);
        }
        expect(world.acknowledged).toBe(last);
      }),
      { numRuns: 1500 },
    );
  });

  it("no live route ever names a cluster that cannot take requests", () => {
    fc.assert(
      fc.property(snapshots, moves, snapshots, (first, list, last) => {
        expect(play(false, first, list, last).broken).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it("the naive order breaks live routes in the same model (negative control)", () => {
    const check = fc.check(
      fc.property(snapshots, moves, snapshots, (first, list, last) => play(true, first, list, last).broken.length === 0),
      { numRuns: 1500 },
    );
    expect(check.failed).toBe(true);
  });
});
