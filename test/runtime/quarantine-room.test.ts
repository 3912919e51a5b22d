import { describe, expect, it } from "@jest/globals";
import { selectFor } from "../../runtime/quarantine/room.ts";
import type { Writing } from "../../runtime/quarantine/secret.ts";

const writing = (namespace: string, name: string, bytes = 10): [string, Writing] => {
  const record: Writing["record"] = { version: 1, object: { kind: "Mapping", namespace, name }, refused: [] };
  return [`${namespace}/${name}`, { record, digest: "d", bytes, reason: "r" }];
};
const many = (namespace: string, count: number) =>
  Array.from({ length: count }, (_, index) => writing(namespace, `m${index}`));
const namesOf = (kept: ReadonlyMap<string, Writing>) => [...kept.keys()].sort();

describe("the room for what is written down", () => {
  it("holds all of it where there is enough", () => {
    const writings = new Map(many("a", 5));
    expect(selectFor({ secrets: 5, bytes: 50 }, writings, () => false)).toEqual({ kept: writings, left: [] });
  });

  it("is shared by namespaces, whatever one of them puts in quarantine", () => {
    const writings = new Map([...many("a", 1000), ...many("b", 2), ...many("c", 3)]);
    const { kept, left } = selectFor({ secrets: 10, bytes: 10_000 }, writings, () => false);
    expect(namesOf(kept)).toEqual(["a/m0", "a/m1", "a/m2", "a/m3", "a/m4", "b/m0", "b/m1", "c/m0", "c/m1", "c/m2"]);
    expect(left).toHaveLength(995);
  });

  it("counts bytes too, and a large one leaves the place of smaller ones alone", () => {
    const writings = new Map([writing("a", "large", 91), ...many("b", 2)]);
    const { kept, left } = selectFor({ secrets: 10, bytes: 100 }, writings, () => false);
    expect(namesOf(kept)).toEqual(["a/large"]);
    expect(left).toHaveLength(2);
    const smaller = selectFor({ secrets: 10, bytes: 90 }, writings, () => false);
    expect(namesOf(smaller.kept)).toEqual(["b/m0", "b/m1"]);
  });

  it("keeps what is written already before what is new, so that nothing goes and comes in turn", () => {
    const writings = new Map(many("a", 6));
    const isWritten = (name: string) => ["a/m4", "a/m5"].includes(name);
    expect(namesOf(selectFor({ secrets: 2, bytes: 100 }, writings, isWritten).kept)).toEqual(["a/m4", "a/m5"]);
  });
});
