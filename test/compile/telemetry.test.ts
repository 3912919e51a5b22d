import { describe, expect, it } from "@jest/globals";
import { createCompiler } from "../../compile/compile.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { goldenSettings } from "../support/golden.ts";

function resource(kind: string, name: string, spec: object, apiVersion = "getambassador.io/v3alpha1"): AnyResource {
  const { resource, problems } = parseResource({ apiVersion, kind, metadata: { name, namespace: "default" }, spec });
  if (resource === undefined) throw new Error(JSON.stringify(problems));
  return resource;
}

const hostBinding = { namespace: { from: "ALL" } };
const listener = resource("Listener", "l", { port: 8080, protocol: "HTTP", securityModel: "XFP", hostBinding });
const mapping = (name: string) =>
  resource("Mapping", name, { hostname: "*", prefix: `/${name}/`, service: "10.0.0.1" });
const service = (name: string, port: number) =>
  resource("Service", name, { clusterIP: "10.96.0.1", ports: [{ port }] }, "v1");

/** How many listeners are built for these objects, put one after the other; a kind: its object `mine` goes. */
function builtFor(...steps: readonly (AnyResource | AnyResource["kind"])[]): readonly number[] {
  const store = createStore(() => undefined);
  const compile = createCompiler();
  store.put(listener);
  compile(store.resources(), goldenSettings);
  return steps.map((step) => {
    if (typeof step !== "string") store.put(step);
    else store.remove(step, "default", "mine");
    return compile(store.resources(), goldenSettings).counters.listeners;
  });
}

describe("listeners", () => {
  it("are built anew when a TracingService comes, changes or goes, and not when anything else does", () => {
    const tracing = (port: number) =>
      resource("TracingService", "mine", { driver: "zipkin", service: `spans:${port}`, tag_headers: ["x-a"] });
    expect(
      builtFor(tracing(9411), service("spans", 9411), mapping("m"), tracing(9411), tracing(9412), "TracingService"),
    ).toEqual([1, 0, 0, 0, 1, 1]);
  });

  it("are built anew when a LogService comes, changes or goes, and not when anything else does", () => {
    const log = (port: number) => resource("LogService", "mine", { driver: "http", service: `als:${port}` });
    expect(
      builtFor(log(3000), service("als", 3000), service("other", 80), mapping("m"), log(3001), "LogService"),
    ).toEqual([1, 0, 0, 0, 1, 1]);
  });
});
