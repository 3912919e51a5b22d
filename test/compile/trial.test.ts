import { describe, expect, it } from "@jest/globals";
import { contentOf } from "../../compile/refusal.ts";
import { createStore } from "../../compile/store.ts";
import { admit, isSearching, next, noTrial, type RefusedPart, type Trial } from "../../compile/trial.ts";
import type { AnyResource, Resources } from "../../crds/resources.ts";
import { seeded, seedOfRun } from "../support/random.ts";
import { ambassador } from "./random-objects.ts";

const mapping = (name: string, prefix: string): AnyResource =>
  ambassador("Mapping", name, { hostname: "*", prefix, service: "10.0.0.1" });

function stored(objects: readonly AnyResource[]): Resources {
  const store = createStore(() => undefined);
  for (const each of objects) store.put(each);
  return store.resources();
}

const table: RefusedPart = {
  type: "route",
  name: "table",
  keeps: true,
  sources: [],
  isShared: true,
  isOutside: false,
  message: "no",
  advice: "do",
};

interface Run {
  readonly trial: Trial;
  readonly serving: Resources;
  /** What was in force from one configuration to the next. */
  readonly steps: readonly Resources[];
}

/** The gateway and an Envoy that refuses whatever `refuses` says, until nothing is due any more. */
function settle(start: Trial, asked: Resources, refuses: (effective: Resources) => readonly RefusedPart[]): Run {
  let trial = start;
  const steps: Resources[] = [];
  for (let round = 0; round < 500; round++) {
    const wanted = admit(trial, asked);
    // What judge() makes of refusals.
    const standIn = (each: AnyResource): readonly AnyResource[] => {
      const refusal = trial.refusals.find(
        ({ object, content }) => object.name === each.name && content === contentOf(each),
      );
      return refusal === undefined ? [each] : refusal.instead === undefined ? [] : [refusal.instead];
    };
    const effective = { ...wanted, mappings: wanted.mappings.flatMap(standIn) } as Resources;
    const refused = refuses(effective);
    steps.push(effective);
    const after = next(trial, { asked, effective, refused });
    const isDue = after.search !== trial.search || after.refusals !== trial.refusals;
    trial = after;
    if (!isDue) return { trial, serving: effective, steps };
  }
  throw new Error("it does not end");
}

const prefixes = ({ mappings }: Resources): (string | undefined)[] => mappings.map(({ spec }) => spec.prefix);
const blamed = ({ refusals }: Trial): string[] => refusals.map(({ object }) => object.name).sort();

describe("the search for who is to blame", () => {
  it("finds exactly those, whoever and how many they are, and the others are in force", () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    for (let round = 0; round < 200; round++) {
      const count = 1 + random.integer(60);
      const names = Array.from({ length: count }, (_, index) => `m${String(index).padStart(2, "0")}`);
      const hasBefore = random.chance(0.8);
      const before = stored(names.map((name) => mapping(name, `/old-${name}/`)));
      const isBad = new Set(names.filter(() => random.chance(random.pick([0.02, 0.2]))));
      const changed = new Set(names.filter((name) => isBad.has(name) || random.chance(0.7)));
      const asked = stored(
        names.map((name) => mapping(name, `/${isBad.has(name) ? "bad" : changed.has(name) ? "new" : "old"}-${name}/`)),
      );
      const refuses = ({ mappings }: Resources): RefusedPart[] =>
        mappings.some(({ spec }) => spec.prefix?.startsWith("/bad") === true) ? [{ ...table, keeps: hasBefore }] : [];
      const start = hasBefore ? settle(noTrial, before, refuses).trial : noTrial;
      const { trial, serving, steps } = settle(start, asked, refuses);
      expect({ seed, round, blamed: blamed(trial) }).toEqual({ seed, round, blamed: [...isBad].sort() });
      const expected = names.flatMap((name) => {
        if (isBad.has(name)) return hasBefore ? [`/old-${name}/`] : [];
        return [`/${changed.has(name) ? "new" : "old"}-${name}/`];
      });
      expect(prefixes(serving)).toEqual(expected);
      expect(isSearching(trial)).toBe(false);
      expect(steps.length).toBeLessThan(4 + isBad.size * (2 + 2 * Math.ceil(Math.log2(count + 1))));
      // Nothing that served was ever away.
      if (hasBefore) for (const step of steps) expect(step.mappings).toHaveLength(count);
    }
  });

  it("blames nobody for what is refused without the changed objects too", () => {
    const before = stored([mapping("a", "/a1/"), mapping("b", "/b1/")]);
    const start = settle(noTrial, before, () => []).trial;
    const { trial, serving, steps } = settle(start, stored([mapping("a", "/a2/"), mapping("b", "/b2/")]), () => [
      table,
    ]);
    expect(blamed(trial)).toEqual([]);
    expect(prefixes(serving)).toEqual(["/a2/", "/b2/"]);
    expect(steps.length).toBeLessThan(5);
  });

  it("withdraws what it said of the only one that had changed, when the refusal stays without it", () => {
    const start = settle(noTrial, stored([mapping("a", "/a1/")]), () => []).trial;
    const { trial, serving } = settle(start, stored([mapping("a", "/a2/")]), () => [table]);
    expect(blamed(trial)).toEqual([]);
    expect(prefixes(serving)).toEqual(["/a2/"]);
  });

  it("lets go what protects before what is protected", () => {
    const auth = ambassador("AuthService", "auth", { auth_service: "10.0.0.9:80" });
    const asked = stored([auth, ...["a", "b", "c"].map((name) => mapping(name, `/${name}/`)), mapping("d", "/bad/")]);
    const refuses = ({ mappings }: Resources): RefusedPart[] =>
      mappings.some(({ name }) => name === "d") ? [{ ...table, keeps: false }] : [];
    const { trial, steps } = settle(noTrial, asked, refuses);
    expect(blamed(trial)).toEqual(["d"]);
    const open = steps.filter(({ mappings, authServices }) => mappings.length > 0 && authServices.length === 0);
    expect(open).toEqual([]);
  });

  it("tries nothing with an Envoy that serves what an earlier control plane has given it", () => {
    const { trial, steps } = settle(noTrial, stored([mapping("a", "/bad/"), mapping("b", "/b/")]), () => [table]);
    expect([blamed(trial), steps.length]).toEqual([[], 1]);
  });

  it("blames no object for a port that another process has", () => {
    const start = settle(noTrial, stored([mapping("a", "/a1/")]), () => []).trial;
    const outside = { ...table, type: "listener", isOutside: true };
    const { trial, steps } = settle(start, stored([mapping("a", "/a2/")]), () => [outside]);
    expect([blamed(trial), steps.length]).toEqual([[], 1]);
  });

  it("ends when every object is refused", () => {
    const names = Array.from({ length: 300 }, (_, index) => `m${index}`);
    const start = settle(noTrial, stored(names.map((name) => mapping(name, "/old/"))), () => []).trial;
    const refuses = ({ mappings }: Resources): RefusedPart[] =>
      mappings.some(({ spec }) => spec.prefix === "/bad/") ? [table] : [];
    const { trial, serving, steps } = settle(start, stored(names.map((name) => mapping(name, "/bad/"))), refuses);
    expect(trial.refusals).toHaveLength(300);
    expect(new Set(prefixes(serving))).toEqual(new Set(["/old/"]));
    expect(steps.length).toBeLessThan(120);
  });
});
