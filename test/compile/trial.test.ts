import { describe, expect, it } from "@jest/globals";
import { contentOf } from "../../compile/refusal.ts";
import { createStore } from "../../compile/store.ts";
import {
  admit,
  isHolding,
  isSearching,
  next,
  noTrial,
  type RefusedPart,
  retry,
  type Trial,
} from "../../compile/trial.ts";
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
    const refusals = new Map(trial.refusals.map((each) => [`${each.object.name} ${each.content}`, each]));
    const standIn = (each: AnyResource): readonly AnyResource[] => {
      const refusal = refusals.get(`${each.name} ${contentOf(each)}`);
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

/** A search that took too long goes on where it was ended. */
function settleAll(start: Trial, asked: Resources, refuses: Parameters<typeof settle>[2]): Run {
  let run = settle(start, asked, refuses);
  for (let round = 0; isHolding(run.trial); round++) {
    if (round === 100) throw new Error("somebody is held back for ever");
    run = settle(retry(run.trial), asked, refuses);
    expect(run.steps.length).toBeLessThan(MOST_STEPS);
  }
  return run;
}

/** 100 tries, and 32 groups by halves. */
const MOST_STEPS = 100 + 32 * 7;

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
    const names = Array.from({ length: 150 }, (_, index) => `m${index}`);
    const start = settle(noTrial, stored(names.map((name) => mapping(name, "/old/"))), () => []).trial;
    const refuses = ({ mappings }: Resources): RefusedPart[] =>
      mappings.some(({ spec }) => spec.prefix === "/bad/") ? [table] : [];
    const asked = stored(names.map((name) => mapping(name, "/bad/")));
    const first = settle(start, asked, refuses);
    expect(first.trial.refusals).toHaveLength(150);
    expect(new Set(prefixes(first.serving))).toEqual(new Set(["/old/"]));
    expect(first.steps.length).toBeLessThan(MOST_STEPS);
    expect(isHolding(first.trial)).toBe(true);
    const { trial, serving } = settleAll(first.trial, asked, refuses);
    expect(blamed(trial)).toEqual([...names].sort());
    expect(new Set(prefixes(serving))).toEqual(new Set(["/old/"]));
  });

  it("with more to blame than can be found at once: serves every good object in the end, and of those that are bad only together all but one", () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    let held = 0;
    for (let round = 0; round < 12; round++) {
      const names = Array.from(
        { length: (round === 0 ? 100 : 20) + random.integer(120) },
        (_, index) => `m${String(index).padStart(3, "0")}`,
      );
      const share = round === 0 ? 0.6 : random.pick([0, 0.05, 0.3, 0.6]);
      const bad = new Set(names.filter(() => random.chance(share)));
      const pairs = Array.from(
        { length: 1 + random.integer(7) },
        () => [random.pick(names), random.pick(names)] as const,
      );
      const isRefused = (served: ReadonlySet<string>): boolean =>
        [...served].some((name) => bad.has(name)) ||
        pairs.some(([one, other]) => one !== other && served.has(one) && served.has(other));
      const newOf = ({ mappings }: Resources) =>
        new Set(mappings.flatMap(({ name, spec }) => (spec.prefix === "/old/" ? [] : [name])));
      const refuses = (effective: Resources) => (isRefused(newOf(effective)) ? [table] : []);
      const start = settle(noTrial, stored(names.map((name) => mapping(name, "/old/"))), refuses).trial;
      const asked = stored(names.map((name) => mapping(name, `/new-${name}/`)));
      const first = settle(start, asked, refuses);
      expect(first.steps.length).toBeLessThan(MOST_STEPS);
      const { trial, serving } = settleAll(first.trial, asked, refuses);
      const served = newOf(serving);
      const paired = new Set(pairs.flat());
      const lost = names.filter((name) => !bad.has(name) && !paired.has(name) && !served.has(name));
      expect({ seed, round, lost }).toEqual({ seed, round, lost: [] });
      // Nobody is out who would be taken beside the others.
      const needless = blamed(trial).filter((name) => !isRefused(new Set([...served, name])));
      expect({ seed, round, needless }).toEqual({ seed, round, needless: [] });
      expect(isRefused(served)).toBe(false);
      if (isHolding(first.trial)) held++;
    }
    expect(held).toBeGreaterThan(0);
  });
});
