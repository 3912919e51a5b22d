import { describe, expect, it } from "@jest/globals";
import type { Quarantined } from "../../compile/last-good.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";
import { writingsFor } from "../../runtime/quarantine/writings.ts";
import { ambassador } from "../compile/random-objects.ts";

const of = (index: number, prefix: string) =>
  ambassador("Mapping", `m${index}`, { hostname: "*", prefix, service: "one" });
const quarantinedOf = (index: number): Quarantined => ({
  object: of(index, "/bad/"),
  serving: of(index, "/good/"),
  refusals: [],
});
const problemOf = (object: ObjectRef, message: string): Problem => ({
  ...{ code: "InvalidField", severity: "error", object, path: [], message, advice: "" },
});

describe("what is written down of objects in quarantine", () => {
  it("has the reasons of each object, and no warning", () => {
    const some = [quarantinedOf(1), quarantinedOf(2)];
    const [one, two] = some.map(({ object }) => object) as [ObjectRef, ObjectRef];
    const warning: Problem = { ...problemOf(one, "w"), severity: "warning" };
    const problems = [problemOf(one, "a"), problemOf(two, "b"), warning, problemOf(one, "c")];
    const writings = [...writingsFor("default")(some, problems).values()];
    expect(writings.map(({ record, reason }) => [record.object.name, reason])).toEqual([
      ["m1", "a; c"],
      ["m2", "b"],
    ]);
  });

  it("is made at the cost of what is new, however many there are", () => {
    const some = Array.from({ length: 200 }, (_, index) => quarantinedOf(index));
    let reads = 0;
    const problems = some.map(({ object }) => {
      const problem = problemOf(object, "a");
      Object.defineProperty(problem, "severity", { get: () => (reads++, "error") });
      return problem;
    });
    const writingsOf = writingsFor("default");
    const before = writingsOf(some, problems);
    expect(reads).toBe(some.length);
    const after = writingsOf([...some, quarantinedOf(200)], problems);
    expect([...before].filter(([name, { record }]) => after.get(name)?.record !== record)).toEqual([]);
    expect(after.size).toBe(201);
  });
});
