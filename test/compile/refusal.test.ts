import { describe, expect, it } from "@jest/globals";
import { createCompiler } from "../../compile/compile.ts";
import { judge, type Judged } from "../../compile/last-good.ts";
import { contentOf, type Refusal, refusedAmong, withStandIns } from "../../compile/refusal.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource, Resources } from "../../crds/resources.ts";
import { formatProblem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { AUTH_UNUSABLE } from "../../features/auth.ts";

const settings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "127.0.0.1",
  inCluster: false,
};

function object(kind: string, name: string, spec: object, metadata: object = {}): AnyResource {
  const { resource } = parseResource({
    apiVersion: "getambassador.io/v3alpha1",
    kind,
    metadata: { name, namespace: "default", ...metadata },
    spec,
  });
  if (resource === undefined) throw new Error(`no ${kind}`);
  return resource;
}

const mapping = (name: string, prefix: string, more: object = {}, metadata: object = {}): AnyResource =>
  object("Mapping", name, { hostname: "*", prefix, service: "10.0.0.1", ...more }, metadata);

const listener = object("Listener", "http", {
  port: 8080,
  protocol: "HTTP",
  securityModel: "XFP",
  hostBinding: { namespace: { from: "ALL" } },
});

const refuse = (of: AnyResource, more: Partial<Refusal> = {}): Refusal => ({
  object: of,
  content: contentOf(of),
  code: "EnvoyRejected",
  path: ["spec", "prefix"],
  message: "Envoy does not take it",
  advice: "write another",
  ...more,
});

/** One gateway's life: each call judges these objects, with what is known of them from outside. */
function serving(): (objects: readonly AnyResource[], refusals?: readonly Refusal[]) => Judged {
  const compile = createCompiler();
  let inForce: Resources | undefined;
  return (objects, refusals) => {
    const store = createStore(() => undefined);
    for (const each of [listener, ...objects]) store.put(each);
    const judged = judge(compile, store.resources(), settings, inForce, refusals);
    inForce = judged.effective;
    return judged;
  };
}

const prefixes = ({ effective, compiled }: Judged): string[] => {
  const inForce = effective.mappings.map(({ spec }) => spec.prefix ?? "");
  // What is in force is what was compiled last, but for objects with errors.
  const { mappings } = compiled.expansion.resources;
  expect(mappings.filter(({ problems }) => problems.length === 0).map(({ spec }) => spec.prefix ?? "")).toEqual(
    inForce,
  );
  return inForce;
};
const told = ({ problems }: Judged): string[] => problems.map(formatProblem);
const names = ({ kept }: Judged): string[] => [...kept].map(({ kind, name }) => `${kind} ${name}`);

const REFUSED = "Mapping default/a: spec.prefix: Envoy does not take it; write another";

describe("an object that is refused from outside of the compile", () => {
  it("serves on in its last good form, and the others move on", () => {
    const serve = serving();
    serve([mapping("a", "/a1/"), mapping("b", "/b1/")]);
    const bad = mapping("a", "/a2/");
    const judged = serve([bad, mapping("b", "/b2/")], [refuse(bad)]);
    expect(prefixes(judged)).toEqual(["/a1/", "/b2/"]);
    expect(told(judged)).toEqual([REFUSED]);
    expect(names(judged)).toEqual(["Mapping a"]);
    expect(
      judged.quarantined.map(({ object, serving }) => [object, (serving?.spec as { prefix: string }).prefix]),
    ).toEqual([[bad, "/a1/"]]);
  });

  it("serves in the form that the refusal names, when the refused one had been in force", () => {
    const serve = serving();
    const good = mapping("a", "/a1/");
    const bad = mapping("a", "/a2/");
    serve([good]);
    expect(prefixes(serve([bad]))).toEqual(["/a2/"]);
    expect(prefixes(serve([bad], [refuse(bad, { instead: good })]))).toEqual(["/a1/"]);
    // In force is the good one by now.
    expect(prefixes(serve([bad], [refuse(bad)]))).toEqual(["/a1/"]);
  });

  it("does not serve where it never was in force, and is told of like one with errors", () => {
    const serve = serving();
    const bad = mapping("a", "/a1/");
    const judged = serve([bad, mapping("b", "/b1/")], [refuse(bad)]);
    expect(prefixes(judged)).toEqual(["/b1/"]);
    expect(told(judged)).toEqual([REFUSED]);
    expect(names(judged)).toEqual([]);
    expect(judged.quarantined).toEqual([{ object: bad, serving: undefined, refusals: [refuse(bad)] }]);
    // Nor later, when it had been in force only in the refused form.
    const other = serving();
    other([bad]);
    expect(prefixes(other([bad], [refuse(bad)]))).toEqual([]);
  });

  it("is judged anew when it changes in whatever way, and stays refused when only its status or version does", () => {
    const serve = serving();
    const good = mapping("a", "/a1/");
    const bad = mapping("a", "/a2/");
    const refusals = [refuse(bad, { instead: good })];
    serve([good]);
    const again = mapping("a", "/a2/", {}, { generation: 7, resourceVersion: "12" });
    expect(prefixes(serve([again], refusals))).toEqual(["/a1/"]);
    for (const mended of [
      mapping("a", "/a3/"),
      mapping("a", "/a2/", {}, { annotations: { touched: "yes" } }),
      mapping("a", "/a2/", {}, { labels: { x: "y" } }),
    ]) {
      const judged = serve([mended], refusals);
      expect(judged.effective.mappings).toEqual([mended]);
      expect([told(judged), names(judged), judged.quarantined]).toEqual([[], [], []]);
    }
  });

  it("is not served again in a refused form when its next form has errors of its own", () => {
    const serve = serving();
    const good = mapping("a", "/a1/");
    const bad = mapping("a", "/a2/");
    serve([good]);
    // Before the refusal of what is in force is known, the object has changed once more.
    serve([bad]);
    const worse = serve([mapping("a", "/a3/", { timeout_ms: "soon" })], [refuse(bad, { instead: good })]);
    expect(prefixes(worse)).toEqual(["/a1/"]);
    expect(told(worse)).toEqual([expect.stringMatching(/^Mapping default\/a: spec\.timeout_ms: "soon"/)]);
  });

  it("may have several things said of it, and others may be bad beside it", () => {
    const serve = serving();
    serve([mapping("a", "/a1/"), mapping("b", "/b1/")]);
    const bad = mapping("a", "/a2/");
    const judged = serve(
      [bad, mapping("b", "/b2/", { timeout_ms: "soon" })],
      [refuse(bad), refuse(bad, { path: ["spec", "host"] })],
    );
    expect(prefixes(judged)).toEqual(["/a1/", "/b1/"]);
    expect(told(judged)).toEqual([
      REFUSED,
      "Mapping default/a: spec.host: Envoy does not take it; write another",
      expect.stringMatching(/^Mapping default\/b: spec\.timeout_ms/),
    ]);
    expect(names(judged).sort()).toEqual(["Mapping a", "Mapping b"]);
  });

  it("lets through nothing that it was to protect", () => {
    const serve = serving();
    const auth = object("AuthService", "auth", { auth_service: "10.0.0.9:80", proto: "http" });
    const open = serve([mapping("a", "/a/"), auth]);
    const judged = serve([mapping("a", "/a/"), auth], [refuse(auth)]);
    expect(open.compiled.ir.filters.map(({ name }) => name)).toContain("envoy.filters.http.ext_authz");
    const closed = judged.compiled.ir.filters.map(({ name }) => name);
    expect(closed).toContain(AUTH_UNUSABLE);
    expect(closed).not.toContain("envoy.filters.http.ext_authz");
  });

  it("within an annotation is told of by the object that bears it, and kept like any other", () => {
    const service = (prefix: string): AnyResource => {
      const config = `{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: a, hostname: "*", prefix: ${prefix}, service: 10.0.0.1 }`;
      const { resource } = parseResource({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "quote", namespace: "default", annotations: { "getambassador.io/config": config } },
        spec: { ports: [{ port: 80 }] },
      });
      return resource as AnyResource;
    };
    const serve = serving();
    serve([service("/a1/")]);
    const inner = serving()([service("/a2/")]).effective.mappings[0] as AnyResource;
    const judged = serve([service("/a2/")], [refuse(inner)]);
    expect(prefixes(judged)).toEqual(["/a1/"]);
    expect(told(judged)).toEqual([
      'Service default/quote: metadata.annotations["getambassador.io/config"][0].prefix: Envoy does not take it; write another',
    ]);
  });
});

describe("refusals", () => {
  it("cost nothing where there are none: the result is that of the compile", () => {
    const serve = serving();
    const judged = serve([mapping("a", "/a/")], []);
    expect(judged.effective).toBe(judged.compiled.expansion.resources);
    expect(judged.problems).toBe(judged.compiled.problems);
  });

  it("of 10,000 Mappings' one build no Mapping anew", () => {
    const serve = serving();
    const many = Array.from({ length: 10_000 }, (_, index) => mapping(`m${index}`, `/m${index}/`));
    serve(many);
    const bad = mapping("m4711", "/bad/");
    const changed = many.map((each) => (each.name === "m4711" ? bad : each));
    serve(changed);
    const instead = many[4711];
    expect(serve(changed, [refuse(bad, { instead })]).compiled.counters).toMatchObject({ mappings: 0, tables: 1 });
    expect(serve(changed, [refuse(bad, { instead })]).compiled.counters).toMatchObject({ mappings: 0, tables: 0 });
  });

  it("know content in whatever order its fields stand", () => {
    const one = mapping("a", "/a/", { headers: { x: "1", y: "2" } });
    const two = mapping("a", "/a/", { headers: { y: "2", x: "1" } });
    expect(contentOf(one)).toBe(contentOf(two));
    expect(contentOf(one)).not.toBe(contentOf(mapping("a", "/a/", { headers: { x: "1", y: "3" } })));
  });
});

describe("many refused objects", () => {
  it("are each found without a look at all others", () => {
    const mappings = Array.from({ length: 1000 }, (_, index) => mapping(`m${1000 + index}`, `/${index}/`));
    let looks = 0;
    const counted = (list: readonly AnyResource[]): readonly AnyResource[] =>
      new Proxy(list, { get: (target, key) => (looks++, Reflect.get(target, key) as unknown) });
    const store = createStore(() => undefined);
    for (const each of mappings) store.put(each);
    const asked = { ...store.resources(), mappings: counted(mappings) } as Resources;
    const refused = refusedAmong(
      asked,
      mappings.map((each) => refuse(each)),
      undefined,
    );
    expect(refused).toHaveLength(1000);
    const { mappings: served } = withStandIns(asked, refused);
    expect(served.filter(({ problems }) => problems.length === 1)).toHaveLength(1000);
    // Some 10 for each by halves; from the front it would be 500.
    expect(looks).toBeLessThan(40 * mappings.length);
  });
});
