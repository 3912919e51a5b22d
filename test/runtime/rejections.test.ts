import { describe, expect, it } from "@jest/globals";
import type { SourceMap } from "../../compile/source-map.ts";
import { createRejections } from "../../runtime/rejections.ts";

const source = (kind: string, name: string) => [{ object: { kind, namespace: "default", name }, path: ["spec"] }];
const sources = {
  listener: (name: string) => source("Listener", name),
  cluster: (name: string) => source("Mapping", name),
} as unknown as SourceMap;

const nack = (type: "listener" | "cluster", name: string) =>
  ({ kind: "nack", stream: 1, type, resources: [{ name, version: "v" }], message: "no" }) as const;
const refused = (type: "listener" | "cluster", name: string) => ({ type, name, version: "v", message: "no" }) as const;

describe("what Envoy refused", () => {
  it("is told until Envoy takes it, each resource by itself", () => {
    const rejections = createRejections();
    rejections.refused(nack("listener", "a"), sources);
    rejections.refused(nack("cluster", "b"), sources);
    const told = () => rejections.problems().map(({ object }) => `${object.kind} ${object.name}`);
    expect(told()).toEqual(["Listener a", "Mapping b"]);
    expect(rejections.acknowledged({ refused: [refused("cluster", "b")] })).toBe(true);
    expect(told()).toEqual(["Mapping b"]);
    expect(rejections.acknowledged({ refused: [refused("cluster", "b")] })).toBe(false);
    expect(rejections.acknowledged({ refused: [] })).toBe(true);
    expect(told()).toEqual([]);
  });

  it("is told of an object once, whatever number of resources came from it", () => {
    const rejections = createRejections();
    const one = { ...sources, cluster: () => source("Mapping", "m") } as unknown as SourceMap;
    rejections.refused(nack("cluster", "b"), one);
    rejections.refused(nack("cluster", "c"), one);
    expect(rejections.problems()).toHaveLength(1);
    // The other one stands.
    rejections.acknowledged({ refused: [refused("cluster", "c")] });
    expect(rejections.problems()).toHaveLength(1);
  });
});
