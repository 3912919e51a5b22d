import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createCompiler } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import {
  type EchoBackend,
  echoBackend,
  type Gateway,
  listenerAndHost,
  mapping,
  startGateway,
} from "../support/gateway.ts";
import { goldenSettings } from "../support/golden.ts";

// Typed in by hand from the specification (section 1.1c). Never generated.

type Weights = readonly (number | undefined)[];

/** Weights of Mappings with the same match, in the order of their names, and the percentage that each gets. */
const shares: readonly (readonly [weights: Weights, percentages: readonly number[], why: string])[] = [
  [[undefined], [100], "a single Mapping gets all"],
  [[5], [100], "whatever its weight"],
  [[0], [100], "even none"],
  [[undefined, undefined], [50, 50], "without weights all are alike"],
  [[undefined, undefined, undefined], [33, 33, 34], "the last one makes it a hundred"],
  [[undefined, undefined, undefined, undefined], [25, 25, 25, 25], "alike"],
  [Array<undefined>(6).fill(undefined), [17, 17, 17, 17, 17, 15], "rounded up, and less for the last one"],
  [Array<undefined>(7).fill(undefined), [14, 14, 14, 14, 14, 14, 16], "rounded down, and more for the last one"],
  [Array<undefined>(9).fill(undefined), [11, 11, 11, 11, 11, 11, 11, 11, 12], "rounded down"],
  [[10, undefined], [10, 90], "the one without a weight gets the rest"],
  [[undefined, 10], [90, 10], "wherever it stands"],
  [[1, undefined], [1, 99], "the least share"],
  [[99, undefined], [99, 1], "the least rest"],
  [[10, 20, undefined], [10, 20, 70], "two weights and the rest"],
  [[10, undefined, undefined], [10, 45, 45], "the rest in equal parts"],
  [[1, undefined, undefined, undefined], [1, 33, 33, 33], "the rest in equal parts"],
  [[30, undefined, undefined, undefined], [30, 23, 23, 24], "rounded, the last one makes it a hundred"],
  [[50, 50], [50, 50], "a full hundred"],
  [[20, 30, 50], [20, 30, 50], "a full hundred"],
  [[100, undefined], [100, 0], "nothing is left"],
  [[60, 40, undefined], [60, 40, 0], "nothing is left"],
  [[0, undefined], [0, 100], "a weight of nothing is a weight"],
  [[0, 100], [0, 100], "a weight of nothing"],
  [[30, 30], [30, 30], "what is left over falls to the next match"],
  [[10, 20], [10, 20], "what is left over falls to the next match"],
  [[0, 0], [0, 0], "all is left over"],
  [[0, 30], [0, 30], "what is left over falls to the next match"],
];

/** Sums above a hundred: the younger Mapping (of files the one with the later name) is refused with what its weight is. */
const refusals: readonly (readonly [weights: Weights, percentages: readonly number[], refused: readonly number[]])[] = [
  [[60, 60], [100, 0], [1]],
  [[60, 60, undefined], [60, 0, 40], [1]],
  [[100, 1], [100, 0], [1]],
  [[50, 30, 30], [50, 30, 0], [2]],
  [[50, 60, 50], [50, 0, 50], [1]],
  [
    [70, 40, 40, undefined],
    [70, 0, 0, 30],
    [1, 2],
  ],
];

const nameOf = (index: number) => `m${index}`;

/** The percentages that the compiler's cumulative shares stand for. */
function compiled(weights: Weights) {
  const group = weights.map((weight, index) => mapping(nameOf(index), { prefix: "/", service: "10.0.0.1", weight }));
  const text = `${listenerAndHost(8080)}${group.join("")}`;
  const { resources } = manifestReader()(new Map([["weights.yaml", { kind: "text", text }]]));
  const { ir, problems } = createCompiler()(resources, goldenSettings);
  const [table] = ir.tables.values();
  const percentages = weights.map(() => 0);
  let sum = 0;
  for (const { name, belowPercent = 100 } of table?.virtualHosts.flatMap(({ routes }) => routes) ?? []) {
    percentages[Number(name.replace("default/m", ""))] = belowPercent - sum;
    sum = belowPercent;
  }
  return { percentages, problems };
}

describe("shares of a group", () => {
  it.each(shares)("of weights %j are %j: %s", (weights, percentages) => {
    const result = compiled(weights);
    expect(result.percentages).toEqual(percentages);
    expect(result.problems).toEqual([]);
  });

  it.each(refusals)("of weights %j are %j, with those at %j refused", (weights, percentages, refused) => {
    const result = compiled(weights);
    expect(result.percentages).toEqual(percentages);
    expect(result.problems.map(({ code, object, path }) => [code, object.name, path])).toEqual(
      refused.map((index) => ["WeightSum", nameOf(index), ["spec", "weight"]]),
    );
  });
});

describe("shares through Envoy", () => {
  let gateway: Gateway;
  let backends: readonly EchoBackend[];

  beforeAll(async () => {
    gateway = await startGateway();
    backends = await Promise.all([0, 1, 2].map((index) => echoBackend(nameOf(index))));
  });

  afterAll(async () => {
    await Promise.all([gateway.stop(), ...backends.map((backend) => backend.close())]);
  });

  it.each(shares.filter(([weights]) => weights.length === 3).map(([weights, percentages]) => [weights, percentages]))(
    "of weights %j are %j",
    async (weights, percentages) => {
      const group = backends.map(({ name, service }, index) =>
        mapping(name, { prefix: "/", service, weight: (weights as Weights)[index] }),
      );
      await gateway.apply(group.join(""));
      const total = 500;
      const counts = new Map<string, number>();
      for (let i = 0; i < total; i++) {
        const { backend } = (await gateway.request("/")).echo();
        counts.set(backend, (counts.get(backend) ?? 0) + 1);
      }
      (percentages as readonly number[]).forEach((percentage, index) => {
        const share = percentage / 100;
        const sigma = Math.sqrt(total * share * (1 - share));
        expect(Math.abs((counts.get(nameOf(index)) ?? 0) - total * share)).toBeLessThanOrEqual(5 * sigma);
      });
    },
  );

  it.each([
    [[0, 0], 0],
    [[0, 30], 30],
    [[10, 20], 30],
    [[100, 0], 100],
    [[40, 60], 100],
  ] as const)("of weights %j are %i in a hundred; the rest falls to the next match", async (weights, sum) => {
    const [first, second, rest] = backends;
    const group = [first, second].map((backend, index) =>
      mapping(nameOf(index), { prefix: "/long/", service: backend?.service, weight: weights[index] }),
    );
    await gateway.apply(group.join("") + mapping("rest", { prefix: "/", service: rest?.service }));
    const total = 300;
    let taken = 0;
    for (let i = 0; i < total; i++) if ((await gateway.request("/long/")).echo().backend !== rest?.name) taken++;
    const share = sum / 100;
    expect(Math.abs(taken - total * share)).toBeLessThanOrEqual(5 * Math.sqrt(total * share * (1 - share)));
  });

  it("of different precedence are no group, and of equal ones are", async () => {
    const [first, second] = backends;
    const of = (name: string, service: string | undefined, precedence: number) =>
      mapping(name, { prefix: "/", service, weight: 50, precedence });
    const asked = async () => {
      const names = new Set<string>();
      for (let i = 0; i < 60; i++) names.add((await gateway.request("/")).echo().backend);
      return [...names].sort();
    };
    await gateway.apply(of("a", first?.service, 1) + of("b", second?.service, 2));
    expect(await asked()).toEqual([second?.name]);
    await gateway.apply(of("a", first?.service, 2) + of("b", second?.service, 2));
    expect(await asked()).toEqual([first?.name, second?.name]);
  });
});
