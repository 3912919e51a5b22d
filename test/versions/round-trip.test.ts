import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { convert } from "../../crds/versions/convert.ts";
import { deepFreeze } from "../../crds/freeze.ts";
import { seeded } from "../support/random.ts";
import { kindsOf, randomObject } from "./random-objects.ts";

const of = (version: string): string => `getambassador.io/${version}`;

function converted(raw: unknown, version: string): unknown {
  const result = convert(raw, of(version));
  if (!result.ok) throw new Error(result.message);
  return result.object;
}

const ways: readonly (readonly [string, string])[] = [
  ["v2", "v3alpha1"],
  ["v3alpha1", "v2"],
  ["v1", "v3alpha1"],
  ["v3alpha1", "v1"],
  ["v1", "v2"],
  ["v2", "v1"],
];

describe("a round trip between versions gives back the same object", () => {
  it.each(ways)("%s by way of %s", (from, by) => {
    for (const kind of kindsOf(from).filter((each) => kindsOf(by).includes(each))) {
      for (let seed = 1; seed <= 150; seed++) {
        const object = deepFreeze(randomObject(seeded(seed), kind, from));
        const there = deepFreeze(converted(object, by));
        const back = converted(there, from);
        // And once more: what is stored is read again and again. (jest's own comparison takes ten times as long.)
        if (isDeepStrictEqual(back, object) && isDeepStrictEqual(converted(back, by), there)) continue;
        throw new Error(`${kind}, seed ${seed}: ${JSON.stringify({ object, there, back })}`);
      }
    }
  });

  it("through both old versions and again", () => {
    for (const kind of kindsOf("v1")) {
      for (let seed = 1; seed <= 150; seed++) {
        const object = randomObject(seeded(seed), kind, "v3alpha1");
        const way = ["v2", "v1", "v3alpha1", "v1", "v2", "v3alpha1"];
        expect(isDeepStrictEqual(way.reduce<unknown>(converted, object), object)).toBe(true);
      }
    }
  });

  it("keeps a change that was made in the other version, and what was not changed beside it", () => {
    const v2 = {
      apiVersion: of("v2"),
      kind: "Mapping",
      metadata: { name: "a" },
      spec: { prefix: "/", service: "http://q", tls: true, headers: { a: false, b: "c" }, ambassador_id: "x" },
    };
    const v3 = converted(v2, "v3alpha1") as { spec: object };
    expect(v3.spec).toMatchObject({ headers: { b: "c" }, service: "https://q", ambassador_id: ["x"] });
    const edited = { ...v3, spec: { ...v3.spec, headers: { b: "d" }, prefix: "/new/" } };
    expect(converted(edited, "v2")).toMatchObject({
      spec: { prefix: "/new/", service: "http://q", tls: true, headers: { b: "d" }, ambassador_id: "x" },
    });
    const another = { ...v3, spec: { ...v3.spec, ambassador_id: ["y"] } };
    expect(converted(another, "v2")).toMatchObject({
      spec: { headers: { a: false, b: "c" }, ambassador_id: ["--apiVersion-v3alpha1-only--y"] },
    });
  });
});
