import { describe, expect, it } from "@jest/globals";
import { countNames, levelNames, memoryNames, type Role, roles, type Sample } from "../../hack/soak/sample.ts";
import { judge, type Outcome } from "../../hack/soak/verdict.ts";

type Change = (cycle: number) => {
  readonly rssMb?: number;
  readonly descriptors?: number;
  readonly clusters?: number;
  readonly allocatedMb?: number;
};

const named = <Name extends string>(names: readonly Name[], value: number) =>
  Object.fromEntries(names.map((name) => [name, value])) as Record<Name, number>;

/** A sample every ten seconds of a gateway of which one process is as told. */
function samples(count: number, role: Role, change: Change): readonly Sample[] {
  return Array.from({ length: count }, (_, cycle) => {
    const { rssMb = 100, descriptors = 20, clusters = 10, allocatedMb = 10 } = change(cycle);
    const all = Object.fromEntries(roles.map((each) => [each, { rssMb: 100, descriptors: 20, threads: 5 }]));
    return {
      cycle,
      atSeconds: 10 * cycle,
      processes: { ...all, [role]: { rssMb, descriptors, threads: 5 } },
      counts: { ...named(countNames, 0), clusters },
      levels: named(levelNames, 10),
      memoryMb: { ...named(memoryNames, 10), "Envoy allocated": allocatedMb },
    };
  });
}

const reasons = (of: readonly Sample[], rest: Partial<Outcome> = {}) =>
  judge({
    samples: of,
    traffic: { requests: { all: 1000 }, lost: 0, examples: [] },
    failures: [],
    envoyRestarts: 0,
    controlPlaneRestarts: 0,
    rejections: 0,
    ...rest,
  }).reasons;

const anHour = 360;

describe("the verdict of a soak", () => {
  it("is flat where memory goes up and down, and where it grows at the beginning alone", () => {
    expect(reasons(samples(anHour, "Envoy", (cycle) => ({ rssMb: 100 + 30 * Math.sin(cycle) })))).toEqual([]);
    expect(reasons(samples(anHour, "control plane", (cycle) => ({ rssMb: Math.min(200, 100 + cycle) })))).toEqual([]);
  });

  it("names the process whose memory grows in the second half, by more than 5 %", () => {
    const grown = samples(anHour, "validator", (cycle) => ({ rssMb: 100 + cycle / 4 }));
    expect(reasons(grown)).toEqual(["RSS of validator grew by 14.4 %, from 156 to 178.5 MB"]);
    const slowly = samples(anHour, "validator", (cycle) => ({ rssMb: 100 + cycle / 20 }));
    expect(reasons(slowly)).toEqual([]);
  });

  it("sees what Envoy has allocated grow within an RSS that does not", () => {
    const grown = samples(anHour, "Envoy", (cycle) => ({ allocatedMb: 10 + cycle / 20 }));
    expect(reasons(grown)).toEqual(["Envoy allocated grew by 21.2 %, from 21.2 to 25.7 MB"]);
  });

  it("says nothing of memory in a run of seconds", () => {
    expect(reasons(samples(6, "Envoy", (cycle) => ({ rssMb: 100 + 20 * cycle })))).toEqual([]);
  });

  it.each([6, anHour])("sees descriptors grow in a run of %d samples, and not one of them more", (count) => {
    const leaking = samples(count, "supervisor", (cycle) => ({ descriptors: 20 + 3 * cycle }));
    expect(reasons(leaking)).toEqual([expect.stringMatching(/^descriptors of supervisor grew from/)]);
    expect(reasons(samples(count, "supervisor", (cycle) => ({ descriptors: 20 + (cycle % 2) })))).toEqual([]);
  });

  it("sees a cluster that does not go, and forgives one that goes late", () => {
    const stays = samples(anHour, "Envoy", (cycle) => ({ clusters: cycle < 5 ? 10 : 11 }));
    expect(reasons(stays)).toEqual(["clusters grew from 10 to 11"]);
    const late = samples(anHour, "Envoy", (cycle) => ({ clusters: cycle % 2 === 0 ? 10 : 11 }));
    expect(reasons(late)).toEqual([]);
    const gone = samples(anHour, "Envoy", (cycle) => ({ clusters: cycle < 5 ? 10 : 9 }));
    expect(reasons(gone)).toEqual(["clusters: 9 at the end, 10 at the beginning"]);
  });

  it("names lost requests, restarts, refusals, and changes that did not come into force", () => {
    const flat = samples(anHour, "Envoy", () => ({}));
    const traffic = { requests: { all: 1000 }, lost: 2, examples: [] };
    const rest = { traffic, envoyRestarts: 1, rejections: 3, failures: ["cycle 4: not within 60 s"] };
    expect(reasons(flat, rest)).toEqual([
      "2 requests lost",
      "1 restarts of Envoy",
      "3 refusals by the Envoy that serves",
      "cycle 4: not within 60 s",
    ]);
  });

  it("is none without samples", () => {
    expect(reasons([])).toEqual(["no two samples to compare: it ended in its first cycles"]);
  });
});
