import { describe, expect, it } from "@jest/globals";
import { createCompiler } from "../../compile/compile.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { zeroCounters } from "../../ir/counters.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { ambassador } from "./random-objects.ts";

const settings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "127.0.0.1",
  inCluster: true,
};

function service(name: string, clusterIP: string): AnyResource {
  const { resource } = parseResource({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { clusterIP, ports: [{ port: 80 }] },
  });
  if (resource === undefined) throw new Error("no Service");
  return resource;
}

const module = (config: object): AnyResource => ambassador("Module", "ambassador", { config });

/** 100 Mappings, ten to each of ten Services. */
function gateway() {
  const store = createStore(() => undefined);
  const listener = { port: 8080, protocol: "HTTP", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
  store.put(ambassador("Listener", "l", listener));
  store.put(module({}));
  for (let index = 0; index < 10; index++) store.put(service(`s${index}`, `10.96.0.${index + 1}`));
  for (let index = 0; index < 100; index++) {
    const spec = { hostname: "*", prefix: `/p${index}/`, service: `s${index % 10}` };
    store.put(ambassador("Mapping", `m${index}`, spec));
  }
  const compile = createCompiler();
  const run = () => compile(store.resources(), settings);
  run();
  return { store, run };
}

describe("a compile after a change", () => {
  it("builds of all Mappings those that lead to the Service that has changed", () => {
    const { store, run } = gateway();
    store.put(service("s3", "10.96.9.9"));
    expect(run().counters).toMatchObject({ mappings: 10 });
    store.remove("Service", "default", "s3");
    const { counters, problems } = run();
    expect(counters).toMatchObject({ mappings: 10 });
    expect(problems.map(({ code }) => code)).toEqual(new Array(10).fill("ServiceNotFound"));
    store.put(service("s3", "10.96.0.4"));
    expect(run().problems).toEqual([]);
  });

  it("builds a Mapping that comes back after its Service has changed", () => {
    const { store, run } = gateway();
    const mapping = ambassador("Mapping", "again", { hostname: "*", prefix: "/again/", service: "later" });
    store.put(mapping);
    expect(run().problems).toMatchObject([{ code: "ServiceNotFound" }]);
    store.remove("Mapping", "default", "again");
    run();
    store.put(service("later", "10.96.7.7"));
    run();
    store.put(mapping);
    const { counters, problems } = run();
    expect(problems).toEqual([]);
    expect(counters).toMatchObject({ mappings: 1 });
  });

  it("builds neither Mappings nor Listeners where the Module changes a filter", () => {
    const { store, run } = gateway();
    store.put(module({ gzip: { min_content_length: 100 } }));
    const { counters, snapshot } = run();
    expect(counters).toEqual(zeroCounters());
    expect([...snapshot.extension.values()].some(({ frame }) => Buffer.from(frame).includes("compressor"))).toBe(true);
  });

  it("builds what takes the Module's default where that changes", () => {
    const { store, run } = gateway();
    store.put(module({ cluster_request_timeout_ms: 5000 }));
    expect(run().counters).toMatchObject({ mappings: 100, routes: 100, listeners: 0 });
  });
});
