import { describe, expect, it } from "@jest/globals";
import { type Compiled, compile, createCompiler } from "../../compile/compile.ts";
import { createExpander } from "../../compile/expand.ts";
import { judge } from "../../compile/last-good.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource, Resources } from "../../crds/resources.ts";
import { formatProblem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";

const settings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "127.0.0.1",
  inCluster: true,
};

function resource(raw: object): AnyResource {
  const { resource: parsed, problems } = parseResource(raw);
  if (parsed === undefined) throw new Error(JSON.stringify(problems));
  return parsed;
}

interface ServiceOptions {
  readonly config?: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly created?: string;
  readonly port?: number;
}

function service(name: string, options: ServiceOptions = {}): AnyResource {
  const { config, namespace = "default", labels = {}, created = "2026-01-01T00:00:00Z", port = 80 } = options;
  const annotations = config === undefined ? {} : { "getambassador.io/config": config };
  const metadata = { name, namespace, labels, annotations, creationTimestamp: created, uid: `${namespace}/${name}` };
  return resource({ apiVersion: "v1", kind: "Service", metadata, spec: { clusterIP: "10.0.0.1", ports: [{ port }] } });
}

function mapping(name: string, spec: object): AnyResource {
  const metadata = { name, namespace: "default", creationTimestamp: "2026-02-01T00:00:00Z" };
  return resource({ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", metadata, spec });
}

const collapsed = (name: string, prefix: string, more = ""): string =>
  `{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: ${name}, hostname: "*", prefix: ${prefix}, service: 10.0.0.9${more} }\n`;

function stored(...all: readonly AnyResource[]): Resources {
  const store = createStore(() => undefined);
  for (const each of all) store.put(each);
  return store.resources();
}

const expanded = (...all: readonly AnyResource[]): Resources => compile(stored(...all), settings).expansion.resources;
const problemsOf = ({ problems }: Pick<Compiled, "problems">): string[] => problems.map(formatProblem);
const at = 'Service default/quote: metadata.annotations["getambassador.io/config"]';

describe("objects in the annotation getambassador.io/config", () => {
  it("are read in the collapsed and the normal form, with namespace and labels of their Service", () => {
    const config = [
      '{ apiVersion: ambassador/v3alpha1, kind: Mapping, name: a, prefix: /a/, hostname: "*", service: x }',
      "{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: { name: b }, spec: { prefix: /b/, service: x } }",
      "{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: c, namespace: far, generation: 7, metadata_labels: { team: z }, prefix: /c/, service: x }",
      "{ apiVersion: getambassador.io/v3alpha1, kind: Host, name: d, hostname: d.example.com }",
    ].join("\n---\n");
    const { mappings, hosts } = expanded(service("quote", { config, namespace: "near", labels: { team: "x" } }));
    expect(mappings.map(({ namespace, name, labels, generation }) => [namespace, name, labels, generation])).toEqual([
      ["far", "c", { team: "z" }, 7],
      ["near", "a", { team: "x" }, 0],
      ["near", "b", { team: "x" }, 0],
    ]);
    expect(mappings.map(({ spec }) => spec.prefix)).toEqual(["/c/", "/a/", "/b/"]);
    expect(hosts.map(({ namespace, spec }) => [namespace, spec.hostname])).toEqual([["near", "d.example.com"]]);
  });

  it("are told of by their Service, the annotation, the document and the field as it is written", () => {
    const config = [
      collapsed("a", "/a/", ", timeout_ms: 3s"),
      "{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: { name: b }, spec: { prefix: b/, service: 10.0.0.9 } }",
      "a: [",
      "{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, prefix: /c/ }",
      "{ apiVersion: v1, kind: Service, name: d }",
      "just a text",
    ].join("\n---\n");
    expect(problemsOf(compile(stored(service("quote", { config })), settings))).toEqual([
      `${at}[0].timeout_ms: "3s" is not an integer; write a number of milliseconds, for example 3000`,
      `${at}[1].spec.prefix: "b/" does not start with a slash, so that no path would ever match; write "/b/"`,
      expect.stringMatching(/\[2\]: line 7 of the annotation is not valid YAML: .*; the other documents/),
      `${at}[3].name: is required and missing; add a name, which is a string`,
      `${at}[4]: Service of v1 cannot stand in an annotation; write an object of getambassador.io, or apply it as an object of its own`,
      `${at}[5]: a text is not a Kubernetes object; write apiVersion, kind and metadata`,
    ]);
  });

  it("are read in all versions, and told of in their own words", () => {
    const config = [
      "{ apiVersion: ambassador/v1, kind: Mapping, name: a, prefix: /a/, service: 10.0.0.9, ambassador_id: default }",
      "{ apiVersion: getambassador.io/v2, kind: Mapping, name: b, host: b.example.com, prefix: /b/, service: 10.0.0.9 }",
      "{ apiVersion: getambassador.io/v2, kind: Mapping, name: c, host: c.example.com, prefix: c/, service: 10.0.0.9 }",
      "{ apiVersion: getambassador.io/v2, kind: Listener, name: d }",
    ].join("\n---\n");
    const { expansion, problems } = compile(stored(service("quote", { config })), settings);
    expect(expansion.resources.mappings.map(({ name, spec }) => [name, spec.hostname])).toEqual([
      ["a", "*"],
      ["b", "b.example.com"],
      ["c", "c.example.com"],
    ]);
    expect(problems.map(formatProblem)).toEqual([
      `${at}[2].prefix: "c/" does not start with a slash, so that no path would ever match; write "/c/"`,
      `${at}[3].apiVersion: there is no Listener in getambassador.io/v2; write it as getambassador.io/v3alpha1`,
    ]);
  });

  it("are found by file and line of the annotation", () => {
    const text = `apiVersion: v1\nkind: Service\nmetadata:\n  name: quote\n  annotations:\n    getambassador.io/config: |\n      ---\n      ${collapsed("a", "a/")}spec: { ports: [{ port: 80 }] }\n`;
    const { resources } = manifestReader()(new Map([["quote.yaml", { kind: "text", text }]]));
    const [problem] = compile(resources, settings).problems;
    expect(problem?.object.origin?.file).toBe("quote.yaml");
    expect(problem?.object.origin?.lineOf(problem.path)).toBe(6);
  });

  it("for another ambassador_id are neither used nor told of", () => {
    const config = [
      collapsed("a", "a/", ", ambassador_id: [other]"),
      "{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, ambassador_id: other, prefix: /c/ }",
    ].join("\n---\n");
    const resources = stored(service("quote", { config }));
    expect(problemsOf(compile(resources, settings))).toEqual([]);
    expect(compile(resources, { ...settings, ambassadorId: "other" }).problems).toHaveLength(2);
  });

  it("yield to an object of their kind and name, which is told once, and to those of an older Service", () => {
    const young = service("young", { config: collapsed("m", "/young/"), created: "2026-01-03T00:00:00Z" });
    const old = service("quote", { config: collapsed("m", "/old/"), created: "2026-01-02T00:00:00Z" });
    const real = mapping("m", { hostname: "*", prefix: "/real/", service: "10.0.0.1" });
    const all = compile(stored(young, old, real), settings);
    expect(all.expansion.resources.mappings.map(({ spec }) => spec.prefix)).toEqual(["/real/"]);
    expect(problemsOf(all)).toEqual([
      `${at}[0].name: there are two objects Mapping default/m: the Mapping default/m is used, this one is not; rename or remove one of them`,
      expect.stringMatching(/^Service default\/young: .*: the Mapping default\/m is used, this one is not/),
    ]);
    const two = compile(stored(young, old), settings);
    expect(two.expansion.resources.mappings.map(({ spec }) => spec.prefix)).toEqual(["/old/"]);
    expect(problemsOf(two)).toEqual([
      expect.stringMatching(
        /^Service default\/young: .*: the one in the Service default\/quote is used, this one is not/,
      ),
    ]);
  });
});

describe("a Service whose annotation turns bad", () => {
  function serving(): (config: string | undefined, ...others: AnyResource[]) => { prefixes: string[]; kept: string[] } {
    const compiler = createCompiler();
    let inForce: Resources | undefined;
    return (config, ...others) => {
      const services = config === undefined ? [] : [service("quote", { config })];
      const judged = judge(compiler, stored(...services, ...others), settings, inForce);
      inForce = judged.effective;
      const { mappings } = judged.compiled.expansion.resources;
      return {
        prefixes: mappings.map(({ spec }) => spec.prefix),
        kept: [...judged.kept].map(({ kind, name }) => `${kind} ${name}`),
      };
    };
  }

  it("keeps the last good version of the object that is bad, and the others go on", () => {
    const serve = serving();
    serve([collapsed("a", "/a1/"), collapsed("b", "/b1/")].join("---\n"));
    const bad = [collapsed("a", "/a2/", ", timeout_ms: soon"), collapsed("b", "/b2/")].join("---\n");
    expect(serve(bad)).toEqual({ prefixes: ["/a1/", "/b2/"], kept: ["Mapping a"] });
    expect(serve(bad)).toEqual({ prefixes: ["/a1/", "/b2/"], kept: ["Mapping a"] });
    expect(serve(collapsed("b", "/b3/"))).toEqual({ prefixes: ["/b3/"], kept: [] });
  });

  it("keeps what documents said that cannot be read any more, until it is removed", () => {
    const serve = serving();
    serve([collapsed("a", "/a1/"), collapsed("b", "/b1/")].join("---\n"));
    const bad = ["a: [\n", collapsed("b", "/b2/")].join("---\n");
    expect(serve(bad)).toEqual({ prefixes: ["/a1/", "/b2/"], kept: ["Service quote"] });
    expect(serve(bad)).toEqual({ prefixes: ["/a1/", "/b2/"], kept: ["Service quote"] });
    expect(serve(undefined)).toEqual({ prefixes: [], kept: [] });
  });

  it("holds back no change of a Mapping of the same name, which is in force in its place", () => {
    const serve = serving();
    const real = (prefix: string) => mapping("a", { hostname: "*", prefix, service: "10.0.0.1" });
    expect(serve(undefined, real("/r1/")).prefixes).toEqual(["/r1/"]);
    expect(serve(collapsed("a", "/note/"), real("/r2/"))).toEqual({ prefixes: ["/r2/"], kept: [] });
  });
});

describe("the cost of annotations", () => {
  it("is nothing where there are none: the resources are the very same", () => {
    const store = createStore(() => undefined);
    store.replace(
      "Service",
      Array.from({ length: 10_000 }, (_, index) => service(`s${index}`)),
    );
    const expand = createExpander();
    const before = store.resources();
    expect(expand(before, settings).resources).toBe(before);
    store.put(service("s4711", { port: 81 }));
    const after = store.resources();
    expect(expand(after, settings).resources).toBe(after);
  });

  it("is no more for a change of a Service that leaves its annotation", () => {
    const store = createStore(() => undefined);
    const config = collapsed("a", "/a/");
    for (let index = 0; index < 100; index++)
      store.put(service(`s${index}`, { config: collapsed(`m${index}`, `/m${index}/`) }));
    store.put(service("quote", { config }));
    const compiler = createCompiler();
    const before = compiler(store.resources(), settings);
    store.put(service("quote", { config, port: 81 }));
    const after = compiler(store.resources(), settings);
    expect(after.expansion.resources.mappings).toBe(before.expansion.resources.mappings);
    expect(after.counters.mappings).toBe(0);
    store.put(service("quote", { config: collapsed("a", "/b/"), port: 81 }));
    expect(compiler(store.resources(), settings).counters).toMatchObject({ mappings: 1 });
  });

  it("is one Mapping for a change of one of 10,000 Mappings beside them", () => {
    const store = createStore(() => undefined);
    const make = (index: number, prefix: string) =>
      mapping(`m${index}`, { hostname: "*", prefix, service: "10.0.0.1" });
    store.replace(
      "Mapping",
      Array.from({ length: 10_000 }, (_, index) => make(index, `/p${index}/`)),
    );
    store.put(service("quote", { config: collapsed("a", "/a/") }));
    const compiler = createCompiler();
    expect(compiler(store.resources(), settings).counters).toMatchObject({ mappings: 10_001 });
    store.put(make(4711, "/new/"));
    expect(compiler(store.resources(), settings).counters).toMatchObject({ mappings: 1 });
  });
});
