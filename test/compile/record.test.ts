import { describe, expect, it } from "@jest/globals";
import type { Quarantined } from "../../compile/last-good.ts";
import { readRecord, recordOf } from "../../compile/record.ts";
import { contentOf, type Refusal } from "../../compile/refusal.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { ambassador } from "./random-objects.ts";

const good = ambassador("Mapping", "a", { hostname: "*", prefix: "/good/", service: "one" });
const bad = ambassador("Mapping", "a", { hostname: "*", prefix: "/bad/", service: "one" });
const refusal: Refusal = {
  object: bad,
  content: contentOf(bad),
  code: "EnvoyRejected",
  path: ["spec", "hosts", 0],
  message: "no",
  advice: "do",
  instead: good,
};

const written = (quarantined: Quarantined) => {
  const record = recordOf(quarantined);
  return record === undefined ? undefined : readRecord(JSON.parse(JSON.stringify(record)));
};

describe("what is written down of an object in quarantine", () => {
  it("is read as its last good form, and as what was refused", () => {
    const read = written({ object: bad, serving: good, refusals: [refusal] });
    expect(contentOf(read?.form as AnyResource)).toBe(contentOf(good));
    expect(read?.refusals).toEqual([
      { ...refusal, object: { kind: "Mapping", namespace: "default", name: "a" }, instead: read?.form },
    ]);
  });

  it("is what was refused alone, where it never was in force", () => {
    const read = written({ object: bad, serving: undefined, refusals: [refusal] });
    expect(read?.form).toBeUndefined();
    expect(read?.refusals).toMatchObject([{ content: contentOf(bad), instead: undefined }]);
  });

  it("is nothing where every compile finds out by itself, or the object serves as it is", () => {
    expect(recordOf({ object: bad, serving: undefined, refusals: [] })).toBeUndefined();
    expect(recordOf({ object: bad, serving: bad, refusals: [] })).toBeUndefined();
  });

  it("is nothing of a Secret: no private key comes into another namespace", () => {
    const secret = (value: string): AnyResource =>
      parseResource({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "s", namespace: "other" },
        stringData: { "tls.key": value },
      }).resource as AnyResource;
    expect(recordOf({ object: secret("new"), serving: secret("old"), refusals: [] })).toBeUndefined();
  });

  it("knows where an object within another one is written", () => {
    const within = { object: { kind: "Service", namespace: "default", name: "s" }, place: "0", tell: () => refusal };
    const inside = { ...good, within } as AnyResource;
    const read = written({ object: { ...bad, within }, serving: inside, refusals: [] });
    expect(read?.form?.within).toMatchObject({ object: within.object, place: "0" });
    const problem = { ...refusal, object: bad, severity: "warning" as const };
    expect(read?.form?.within?.tell(problem)).toEqual({ path: [], message: "spec.hosts[0]: no", advice: "do" });
  });

  it.each([
    ["nothing", undefined],
    ["a text", "x"],
    ["one of a later version", { ...recordOf({ object: bad, serving: good, refusals: [] }), version: 2 }],
    ["one of a kind that there is not", { version: 1, object: { kind: "X", namespace: "", name: "a" }, refused: [] }],
  ])("is not read when it is %s", (_what, text) => {
    expect(readRecord(text)).toBeUndefined();
  });

  it("has no form when the manifest in it is bad, or another object's", () => {
    const record = recordOf({ object: bad, serving: good, refusals: [refusal] });
    const withForm = (lastGood: unknown) => readRecord({ ...record, lastGood })?.form;
    expect(withForm({ ...record?.lastGood, spec: { prefix: 7 } })).toBeUndefined();
    expect(withForm({ ...record?.lastGood, metadata: { name: "b", namespace: "default" } })).toBeUndefined();
  });
});
