import { describe, expect, it } from "@jest/globals";
import { type Compiled, compile } from "../../compile/compile.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import { recall } from "../../crds/versions/memory.ts";
import { formatProblem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";

const settings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "127.0.0.1",
  inCluster: true,
};

function compiled(...objects: readonly object[]): Compiled {
  const store = createStore(() => undefined);
  for (const object of objects) {
    const { resource, problems } = parseResource(object);
    if (resource === undefined) throw new Error(problems.map(formatProblem).join());
    store.put(resource);
  }
  return compile(store.resources(), settings);
}

function ours(kind: string, name: string, spec: object): object {
  return { apiVersion: "getambassador.io/v3alpha1", kind, metadata: { name, namespace: "default" }, spec };
}

function annotated(config: string): object {
  const metadata = { name: "s", namespace: "default", annotations: { "getambassador.io/config": config } };
  return { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 80 }] } };
}

const told = ({ problems }: Compiled): string[] => problems.map(formatProblem);
const mappingsOf = ({ expansion }: Compiled): string[] => expansion.resources.mappings.map(({ name }) => name);

describe("names that every JavaScript object has", () => {
  const labels = { other: [{ g: [{ generic_key: { value: "x" } }] }] };

  it.each(["constructor", "__proto__", "toString"])("are no domain of labels: %s", (domain) => {
    const mapping = ours("Mapping", "m", { hostname: "*", prefix: "/x/", service: "10.0.0.9", labels });
    const limits = ours("RateLimitService", "r", { service: "10.0.0.8:80", domain });
    expect(told(compiled(mapping, limits))).toContainEqual(
      expect.stringContaining(`counts labels of the domain ${JSON.stringify(domain)} only`),
    );
  });

  it("are fields like any other in an annotation, and unknown ones", () => {
    const hidden = '{"hostname":"*","prefix":"/x/","service":"10.0.0.9","bypass_auth":true}';
    const result = compiled(
      annotated(`{"apiVersion":"getambassador.io/v3alpha1","kind":"Mapping","name":"m","__proto__":${hidden}}`),
    );
    expect(result.expansion.resources.mappings.map(({ spec }) => spec.prefix)).toEqual([undefined]);
    expect(told(result)).toContainEqual(expect.stringContaining("__proto__: is not a field of Mapping"));
  });
});

describe("an annotation", () => {
  const mapping = (name: string, namespace = "default") =>
    JSON.stringify({
      ...{ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", name, namespace },
      ...{ hostname: "*", prefix: "/x/", service: "10.0.0.9" },
    });

  it.each(["a/b", "a b", "a\nerror: b", "a\u0000"])("makes no object of the name %j", (name) => {
    const result = compiled(annotated(`${mapping(name)}\n---\n${mapping("a_B.c")}\n---\n${mapping("m", "x/y")}`));
    expect(mappingsOf(result)).toEqual(["a_B.c"]);
    expect(told(result).filter((text) => text.includes("is not the name of"))).toHaveLength(2);
    expect(told(result).join("")).not.toMatch(/\p{Cc}/u);
  });

  it("tells of a few of its documents where thousands are wrong, and reads all", () => {
    const result = compiled(annotated(`${"---\n{}\n".repeat(5000)}---\n${mapping("m")}\n`));
    expect(mappingsOf(result)).toEqual(["m"]);
    expect(told(result).length).toBeLessThan(20);
    expect(told(result)).toContainEqual(expect.stringContaining("4990 more"));
  });
});

describe("the one object that rules for all", () => {
  const created = (object: object, creationTimestamp: string): object => ({
    ...object,
    metadata: { ...(object as { metadata: object }).metadata, creationTimestamp },
  });
  const older = (config: object): object =>
    created(
      annotated(JSON.stringify({ apiVersion: "getambassador.io/v3alpha1", namespace: "tenant", ...config })),
      "2020-01-01T00:00:00Z",
    );

  it.each([
    ["Module", "ambassador", { config: { server_name: "own" } }, { config: { server_name: "other" } }],
    ["AuthService", "auth", { auth_service: "10.0.0.1" }, { auth_service: "10.0.0.2", timeout_ms: 1 }],
    [
      "TracingService",
      "traces",
      { driver: "zipkin", service: "10.0.0.1:9411" },
      { driver: "zipkin", service: "10.0.0.2:9411" },
    ],
    ["RateLimitService", "limits", { service: "10.0.0.1" }, { service: "10.0.0.2" }],
  ])("is a %s of its own before one in the annotation of an older Service", (kind, name, own, other) => {
    const result = compiled(created(ours(kind, name, own), "2026-01-01T00:00:00Z"), older({ kind, name, ...other }));
    const codes = result.problems.map(({ code, object }) => `${code} ${object.kind}`);
    expect(codes).toContain(`${kind === "Module" ? "ModuleIgnored" : "ServiceConflict"} Service`);
    expect(codes.filter((text) => text.endsWith(` ${kind}`) && /Ignored|Conflict/.test(text))).toEqual([]);
  });
});

describe("what a conversion remembers in an annotation", () => {
  it("is not believed where it has more names than any kind has fields", () => {
    let asked = 0;
    const set = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, index]));
    const spec = { prefix: "/x/" };
    const recalled = recall(spec, JSON.stringify({ set, unset: [] }), () => {
      asked++;
      return false;
    });
    expect([recalled, asked]).toEqual([spec, 0]);
  });
});
