import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emptySnapshot, type Snapshot, type XdsResource, type XdsType } from "../../xds/snapshot.ts";
import { modelResource, World } from "./model.ts";

/** Contents are small numbers, so that some snapshots share resources and others differ. */
const content = fc.integer({ min: 0, max: 2 });
const clusterNames = ["c0", "c1", "c2", "c3", "c4"];
const routeNames = ["r0", "r1", "r2"];

/** What a snapshot is made of. Plain, so that a counterexample can be read. */
interface Spec {
  readonly clusters: readonly {
    readonly name: string;
    readonly eds: boolean;
    readonly content: number;
    readonly endpoints: number;
  }[];
  readonly routes: readonly { readonly name: string; readonly picks: readonly number[]; readonly content: number }[];
  readonly listeners: readonly { readonly name: string; readonly picks: readonly number[]; readonly content: number }[];
}

const cluster = fc.record({ name: fc.constantFrom(...clusterNames), eds: fc.boolean(), content, endpoints: content });
const route = fc.record({
  name: fc.constantFrom(...routeNames),
  picks: fc.array(fc.nat(4), { maxLength: 3 }),
  content,
});
const listener = fc.record({
  name: fc.constantFrom("l0", "l1"),
  picks: fc.array(fc.nat(2), { minLength: 1, maxLength: 2 }),
  content,
});
const byName = { selector: (item: { readonly name: string }) => item.name };
const specs: fc.Arbitrary<Spec> = fc.record({
  clusters: fc.uniqueArray(cluster, { ...byName, minLength: 1 }),
  routes: fc.uniqueArray(route, { ...byName, minLength: 1 }),
  listeners: fc.uniqueArray(listener, byName),
});

/** A consistent snapshot: every name that is used is there. */
function build({ clusters, routes, listeners }: Spec): Snapshot {
  const pick = (from: readonly { readonly name: string }[], picks: readonly number[]) => [
    ...new Set(picks.map((index) => from[index % from.length]?.name ?? "")),
  ];
  const discovered = clusters.filter(({ eds }) => eds);
  return {
    ...emptySnapshot,
    cluster: mapOf("cluster", clusters, ({ eds, content }) => ({ eds, content })),
    endpoint: mapOf("endpoint", discovered, ({ endpoints }) => ({ endpoints })),
    route: mapOf("route", routes, ({ picks, content }) => ({ clusters: pick(clusters, picks), content })),
    listener: mapOf("listener", listeners, ({ picks, content }) => ({ routes: pick(routes, picks), content })),
  };
}

function mapOf<T extends { readonly name: string }>(
  type: XdsType,
  items: readonly T[],
  body: (item: T) => object,
): ReadonlyMap<string, XdsResource> {
  return new Map(items.map((item) => [item.name, modelResource(type, item.name, body(item))]));
}

type Move =
  | { readonly kind: "deliver"; readonly resubscribes: boolean }
  | { readonly kind: "reply" | "grace" | "reconnect" }
  /** `restart`: a stream at rest breaks, and comes back to a control plane that knows something else. */
  | { readonly kind: "snapshot" | "restart"; readonly spec: Spec };

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("deliver" as const), resubscribes: fc.boolean() }) },
    { weight: 6, arbitrary: fc.constant({ kind: "reply" as const }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("snapshot" as const), spec: specs }) },
    { weight: 2, arbitrary: fc.constant({ kind: "grace" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "reconnect" as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), spec: specs }) },
  ),
  { maxLength: 120 },
);

function play(naiveOrder: boolean, first: Spec, list: readonly Move[], last: Snapshot): World {
  const world = new World(naiveOrder);
  world.setSnapshot(build(first));
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
    case "restart":
      world.quiesce();
      world.setSnapshot(build(move.spec));
      world.reconnect();
      return;
    case "snapshot":
      world.setSnapshot(build(move.spec));
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
      fc.property(specs, moves, specs, (first, list, lastSpec) => {
        const last = build(lastSpec);
        const world = play(false, first, list, last);
        const { has, warming } = world.envoy;
        expect(versions(has.cluster)).toEqual(versions(last.cluster));
        expect(versions(has.listener)).toEqual(versions(last.listener));
        expect(warming.size).toBe(0);
        for (const type of ["route", "endpoint"] as const) {
          for (const resource of has[type].values())
            expect(resource.version).toBe(last[type].get(resource.name)?.version);
        }
        expect(world.acknowledged).toBe(last);
      }),
      { numRuns: 1500 },
    );
  });

  it("no live route ever names a cluster that cannot take requests", () => {
    fc.assert(
      fc.property(specs, moves, specs, (first, list, last) => {
        expect(play(false, first, list, build(last)).broken).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it("the naive order breaks live routes in the same model (negative control)", () => {
    const check = fc.check(
      fc.property(specs, moves, specs, (first, list, last) => play(true, first, list, build(last)).broken.length === 0),
      { numRuns: 1500 },
    );
    expect(check.failed).toBe(true);
  });
});
