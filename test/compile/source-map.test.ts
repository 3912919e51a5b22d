import { describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { listenerAndHost, mapping } from "../support/gateway.ts";

function compiled(text: string) {
  const { resources } = manifestReader()(new Map([["test.yaml", { kind: "text", text }]]));
  return compile(resources, {
    ambassadorId: "default",
    ownNamespace: "default",
    bindAddress: "127.0.0.1",
    inCluster: false,
  });
}

describe("the source map", () => {
  const { sourceMap, snapshot } = compiled(
    listenerAndHost(8080) +
      mapping("one", { prefix: "/one/", service: "10.0.0.1" }) +
      mapping("two", { prefix: "/two/", service: "10.0.0.1" }) +
      mapping("three", { prefix: "/three/", service: "10.0.0.3" }),
  );
  const names = (sources: ReturnType<typeof sourceMap.cluster>) =>
    sources.map(({ object, path }) => [object.kind, object.name, ...path]).sort();

  it("leads from a cluster to every Mapping that sends to it", () => {
    const clusters = [...snapshot.cluster.keys()].sort();
    expect(clusters.map((name) => names(sourceMap.cluster(name)))).toEqual([
      [
        ["Mapping", "one", "spec", "service"],
        ["Mapping", "two", "spec", "service"],
      ],
      [["Mapping", "three", "spec", "service"]],
    ]);
  });

  it("leads from a listener, a chain and a route to their objects, with the file's line", () => {
    expect(names(sourceMap.listener("default/http"))).toEqual([["Listener", "http", "spec"]]);
    expect(names(sourceMap.chain("default/http", "http"))).toEqual([["Listener", "http", "spec"]]);
    const [route] = sourceMap.route("default/http", "default/two");
    expect(route?.object.name).toBe("two");
    expect(route?.object.origin?.lineOf(["spec", "prefix"])).toBeGreaterThan(1);
  });

  it("knows nothing of names that are not there", () => {
    expect(sourceMap.cluster("none")).toEqual([]);
    expect(sourceMap.route("none", "none")).toEqual([]);
    expect(sourceMap.chain("default/http", "none")).toEqual([]);
  });
});
