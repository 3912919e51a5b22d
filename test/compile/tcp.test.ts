import { describe, expect, it } from "@jest/globals";
import { createCompiler } from "../../compile/compile.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { Source } from "../../ir/types.ts";
import { goldenSettings } from "../support/golden.ts";

function resource(kind: string, name: string, spec: object, apiVersion = "getambassador.io/v3alpha1"): AnyResource {
  const { resource, problems } = parseResource({ apiVersion, kind, metadata: { name, namespace: "default" }, spec });
  if (resource === undefined) throw new Error(JSON.stringify(problems));
  return resource;
}

const tcp = (name: string, spec: object) =>
  resource("TCPMapping", name, { port: 9000, service: "10.0.0.1:5432", ...spec });
const named = (index: number, more: object = {}) =>
  tcp(`t${index}`, {
    host: `t${index}.example.com`,
    tls_passthrough: true,
    service: `10.0.0.1:${1000 + index}`,
    ...more,
  });
const mapping = (timeoutMs: number) =>
  resource("Mapping", "m", { hostname: "*", prefix: "/", service: "10.0.0.2", timeout_ms: timeoutMs });
const service = (port: number) => resource("Service", "s", { clusterIP: "10.96.0.1", ports: [{ port }] }, "v1");

describe("the listener of TCPMappings", () => {
  const store = createStore(() => undefined);
  for (let index = 0; index < 200; index++) store.put(named(index));
  store.put(mapping(1000));
  store.put(service(80));
  const compile = createCompiler();
  const now = () => compile(store.resources(), goldenSettings);
  const first = now();

  it("is the same while something else changes", () => {
    store.put(mapping(2000));
    expect(now().snapshot.listener).toBe(first.snapshot.listener);
    store.put(service(8080));
    const changed = now();
    expect(changed.snapshot.listener).toBe(first.snapshot.listener);
    expect(changed.snapshot.cluster).toBe(first.snapshot.cluster);
  });

  it("is another when one of them changes, with the other chains as they were", () => {
    store.put(named(7, { idle_timeout_ms: 5 }));
    const changed = now();
    const [before, after] = [first, changed].map(({ ir }) => ir.listeners[0]?.chains ?? []);
    expect(after?.filter((chain, index) => JSON.stringify(chain) !== JSON.stringify(before?.[index]))).toHaveLength(1);
    expect(changed.counters).toMatchObject({ listeners: 1, mappings: 0, clusters: 0 });
  });
});

describe("the source map", () => {
  const store = createStore(() => undefined);
  store.put(tcp("a", { weight: 10 }));
  store.put(tcp("b", {}));
  store.put(named(1));
  const { sourceMap, snapshot } = createCompiler()(store.resources(), goldenSettings);
  const names = (sources: readonly Source[]) => sources.map(({ object, path }) => [object.kind, object.name, ...path]);

  it("leads from a chain and a cluster to the TCPMappings, and from their listener to the oldest", () => {
    const [listener = ""] = snapshot.listener.keys();
    expect(names(sourceMap.listener(listener))).toEqual([["TCPMapping", "a", "spec"]]);
    expect(names(sourceMap.chain(listener, "tcp"))).toEqual([
      ["TCPMapping", "a", "spec"],
      ["TCPMapping", "b", "spec"],
    ]);
    expect(names(sourceMap.chain(listener, "tcp/t1.example.com"))).toEqual([["TCPMapping", "t1", "spec"]]);
    expect(sourceMap.chain(listener, "tcp/none")).toEqual([]);
    const cluster = [...snapshot.cluster.keys()].find((name) => name.startsWith("10.0.0.1:5432/")) ?? "";
    expect(names(sourceMap.cluster(cluster))).toEqual([
      ["TCPMapping", "a", "spec", "service"],
      ["TCPMapping", "b", "spec", "service"],
    ]);
  });
});
