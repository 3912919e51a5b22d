import { describe, expect, it } from "@jest/globals";
import { apiVersionOf, customKinds } from "../../capabilities/kinds.ts";
import { compile, createCompiler } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { createStore } from "../../compile/store.ts";
import { type JsonSchema, jsonSchemaOf } from "../../crds/json-schema.ts";
import { moduleConfigSchema } from "../../crds/module-config.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import { formatPath, formatProblem, type PathStep, type Problem } from "../../ir/problem.ts";
import { type Snapshot, xdsTypes } from "../../xds/snapshot.ts";
import { selfSigned } from "../support/certificates.ts";
import { goldenSettings } from "../support/golden.ts";
import { type Field, fieldsOf, type Raw } from "./mutations/corpus.ts";
import { outsideValues, withValue, wrongValues } from "./mutations/mutate.ts";

const v3 = "getambassador.io/v3alpha1";
const { certificatePem, keyPem } = await selfSigned({ hosts: ["secure.example.com"] });

function object(kind: string, name: string, spec: object, apiVersion = v3): Raw {
  return { apiVersion, kind, metadata: { name }, spec };
}

const anyHost = { namespace: { from: "ALL" } };
const secret = { "tls.crt": certificatePem, "tls.key": keyPem };

/** A gateway with something of everything, beside which one object is bad. */
const world: readonly Raw[] = [
  object("Listener", "http", { port: 8080, protocol: "HTTP", securityModel: "XFP", hostBinding: anyHost }),
  object("Listener", "https", { port: 8443, protocol: "HTTPS", securityModel: "XFP", hostBinding: anyHost }),
  object("Host", "any", { hostname: "*", requestPolicy: { insecure: { action: "Route" } } }),
  object("Host", "secure", { hostname: "secure.example.com", tlsSecret: { name: "pair" } }),
  object("Mapping", "plain", { hostname: "*", prefix: "/plain/", service: "known" }),
  object("Mapping", "slices", { hostname: "*", prefix: "/slices/", service: "known", resolver: "mine" }),
  object("Mapping", "secure", { hostname: "secure.example.com", prefix: "/", service: "https://10.0.0.1", tls: "out" }),
  object("TCPMapping", "tcp", { port: 9000, service: "10.0.0.2:5432" }),
  object("TLSContext", "out", { sni: "inside.example.com" }),
  object("KubernetesEndpointResolver", "mine", {}),
  object("Service", "known", { clusterIP: "10.96.0.1", ports: [{ port: 80 }] }, "v1"),
  { apiVersion: "v1", kind: "Secret", metadata: { name: "pair" }, type: "kubernetes.io/tls", stringData: secret },
];

interface Result {
  readonly problems: readonly Problem[];
  /** Version by type and name: equal versions are equal bytes. */
  readonly versions: Readonly<Record<string, string>>;
}

const store = createStore(() => undefined);
const compiler = createCompiler();
const discover = endpointDiscovery();

function put(raw: unknown): { readonly resource: AnyResource | undefined; readonly problems: readonly Problem[] } {
  const parsed = parseResource(raw);
  if (parsed.resource !== undefined) store.put(parsed.resource);
  return { resource: parsed.resource, problems: parsed.problems };
}

/** The world, with one more object while it is looked at. */
function compiled(raw?: unknown): Result {
  const more = raw === undefined ? undefined : put(raw);
  const resources = store.resources();
  const now = compiler(resources, goldenSettings);
  const versions = versionsOf({ ...now.snapshot, endpoint: discover(now.endpoints, resources) });
  if (more?.resource !== undefined) store.remove(more.resource.kind, more.resource.namespace, more.resource.name);
  const skipped = more !== undefined && more.resource === undefined ? more.problems : [];
  return { problems: [...skipped, ...now.problems], versions };
}

function versionsOf(snapshot: Snapshot): Result["versions"] {
  const versions = xdsTypes.flatMap((type) =>
    [...snapshot[type].values()].map(({ name, version }): [string, string] => [`${type} ${name}`, version]),
  );
  return Object.fromEntries(versions.sort());
}

/** The same from one file, where names may be taken. */
function fromFile(...objects: readonly unknown[]): Result {
  const text = [...world, ...objects].map((each) => `---\n${JSON.stringify(each)}\n`).join("");
  const { resources, problems, skipped } = manifestReader()(new Map([["all.yaml", { kind: "text", text }]]));
  const { snapshot, endpoints, problems: found } = compile(resources, goldenSettings);
  const versions = versionsOf({ ...snapshot, endpoint: endpointDiscovery()(endpoints, resources) });
  return { problems: [...problems, ...skipped, ...found], versions };
}

for (const each of world) put(each);
const before = compiled();

/** What a required field holds. */
const samples: Readonly<Record<string, unknown>> = {
  port: 9100,
  service: "10.0.0.9",
  auth_service: "10.0.0.9",
  prefix: "/candidate/",
  driver: "zipkin",
  protocol: "HTTP",
};

/** A value that is right for a schema. */
function sample(schema: JsonSchema, name = ""): unknown {
  const { enum: allowed, examples, anyOf, properties, items, minimum } = schema;
  if (samples[name] !== undefined) return samples[name];
  if (examples?.[0] !== undefined) return examples[0];
  if (allowed !== undefined) return allowed[0];
  if (anyOf?.[0] !== undefined) return sample(anyOf[0]);
  if (properties !== undefined) return required(schema);
  if (items !== undefined) return [sample(items)];
  if (schema.type === "object") return {};
  if (schema.type === "integer") return Math.max(minimum ?? 1, 1);
  return schema.type === "boolean" ? true : "x";
}

function required({ required: names = [], properties = {} }: JsonSchema): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, sample(properties[name] ?? {}, name)]));
}

/** A good object of a kind, beside those of the world. */
function candidate({ kind, schema }: (typeof customKinds)[number]): Raw {
  const row = customKinds.find((each) => each.kind === kind);
  const spec = required(jsonSchemaOf(schema));
  if (kind === "Listener") spec["protocol"] = "HTTP";
  if (kind === "Host") spec["hostname"] = "candidate.example.com";
  if (kind === "LogService") Object.assign(spec, { service: "10.0.0.9", driver: "http" });
  if (kind === "Module") spec["config"] = {};
  return {
    apiVersion: row === undefined ? v3 : apiVersionOf(row),
    kind,
    metadata: { name: kind === "Module" ? "ambassador" : "candidate" },
    spec,
  };
}

/** The candidate with a field of any depth, beside which stands whatever its parents require. */
function withField(raw: Raw, kind: (typeof customKinds)[number], path: Field["path"], value: unknown): unknown {
  const isModule = kind.kind === "Module";
  let schema: JsonSchema = jsonSchemaOf(isModule ? moduleConfigSchema : kind.schema);
  let result: unknown = raw;
  const start = isModule ? 2 : 1;
  for (let length = start + 1; length < path.length; length++) {
    schema = childOf(schema, path[length - 1] as PathStep) ?? {};
    if (schema.properties === undefined) continue;
    result = withValue(result, path.slice(0, length), required(schema));
  }
  return withValue(result, path, value);
}

function childOf(schema: JsonSchema, step: PathStep): JsonSchema | undefined {
  for (const form of schema.anyOf ?? [schema]) {
    if (typeof step === "number") {
      if (form.items !== undefined) return form.items;
    } else if (form.properties?.[step] !== undefined) return form.properties[step];
    else if (typeof form.additionalProperties === "object") return form.additionalProperties;
  }
  return undefined;
}

/** Of what was said, what was not said before. */
function said(now: Result): readonly Problem[] {
  const old = new Set(before.problems.map(formatProblem));
  return now.problems.filter((problem) => !old.has(formatProblem(problem)));
}

/** Of Modules v2's short forms are read, in which a label is its text, or its kind with one. */
function isShortLabel([, , key, , , index, ...rest]: readonly PathStep[], value: unknown): boolean {
  return key === "default_labels" && typeof index === "number" && typeof value === "string" && rest.length <= 1;
}

/** What must not change. An AuthService that is broken closes the gateway, by a filter that answers: nobody gets in unasked. */
function untouched(versions: Result["versions"], { kind }: Raw): Result["versions"] {
  if (kind !== "AuthService") return versions;
  return Object.fromEntries(Object.entries(versions).filter(([name]) => !name.startsWith("extension ")));
}

function expectOneProblem(now: Result, raw: Raw, path: readonly PathStep[]): void {
  const problems = said(now);
  expect(problems.map(({ object }) => `${object.kind} ${object.name}`)).toEqual([`${raw.kind} ${raw.metadata.name}`]);
  const [problem] = problems;
  // An object that is no map is named as such, and not by the field in it that is wrong.
  expect(formatPath(path).startsWith(formatPath(problem?.path ?? []))).toBe(true);
  expect(problem?.path.length).toBeGreaterThan(1);
  expect(problem?.message).not.toBe("");
  expect(problem?.advice).not.toBe("");
  expect(problem?.severity).toBe("error");
  expect(untouched(now.versions, raw)).toEqual(untouched(before.versions, raw));
}

describe("the world of these tests", () => {
  it("has no problem", () => {
    expect(before.problems.map(formatProblem)).toEqual([]);
  });
});

describe.each(customKinds.map((kind) => [kind.kind, kind] as const))("a bad %s", (_, kind) => {
  const good = candidate(kind);
  const fields = fieldsOf(good);
  const rows = fields
    // Another gateway's object is not judged here.
    .filter(({ path }) => path[1] !== "ambassador_id" || path.length === 2)
    .flatMap(({ path, schema }) =>
      [...wrongValues(schema), ...outsideValues(schema)].map((value) => ({ path, value, at: formatPath(path) })),
    )
    .filter(({ path, value }) => !isShortLabel(path, value));

  it("has fields of which there are wrong values", () => {
    expect(rows.length).toBeGreaterThan(0);
  });

  it("is one problem, at its field, for each value of another type or outside of the range; nothing else changes", () => {
    const failed: string[] = [];
    for (const { path, value, at } of rows) {
      try {
        expectOneProblem(compiled(withField(good, kind, path, value)), good, path);
      } catch (error) {
        failed.push(`${at} = ${JSON.stringify(value)}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    expect(failed.slice(0, 5)).toEqual([]);
  });

  const missing = fields.filter(({ required, path }) => required && path.length === 2);
  if (missing.length > 0)
    it.each(missing.map(({ path }) => [formatPath(path), path] as const))(
      "without %s is one problem; nothing else changes",
      (_, path) => {
        const { [String(path[1])]: __, ...spec } = good["spec"] as Record<string, unknown>;
        expectOneProblem(compiled({ ...good, spec }), good, path);
      },
    );

  it("with a field that is none is a warning that names it", () => {
    const at = kind.kind === "Module" ? ["spec", "config", "no_such_field"] : ["spec", "no_such_field"];
    const told = said(compiled(withValue(good, at, 1))).filter(({ code }) => code === "UnknownField");
    expect(told.map(({ object, path, severity }) => [object.name, formatPath(path), severity])).toEqual([
      [good.metadata.name, at.join("."), "warning"],
    ]);
  });

  it("of a name that is taken is one problem, and the first is used", () => {
    const alone = fromFile(good);
    const both = fromFile(good, withValue(good, ["metadata", "labels"], { second: "yes" }));
    const old = new Set(alone.problems.map(formatProblem));
    const told = both.problems.filter((problem) => !old.has(formatProblem(problem)));
    expect(told.map(({ code, object }) => [code, object.kind, object.name])).toEqual([
      ["DuplicateObject", good.kind, good.metadata.name],
    ]);
    expect(both.versions).toEqual(alone.versions);
  });
});

/** Fields that name another object, by their name: what to write so that there is none, and where it is told. */
const references: Readonly<Record<string, readonly [value: unknown, path: readonly string[]]>> = {
  service: ["nowhere", ["service"]],
  auth_service: ["nowhere", ["auth_service"]],
  resolver: ["nowhere", ["resolver"]],
  tls: ["nowhere", ["tls"]],
  secret: ["nowhere", ["secret"]],
  ca_secret: ["nowhere", ["ca_secret"]],
  tlsSecret: [{ name: "nowhere" }, ["tlsSecret"]],
};

const dangling = customKinds.flatMap((kind) => {
  const good = candidate(kind);
  // What is not served yet says so, whatever it refers to.
  const isServed = !compiled(good).problems.some(
    ({ code, severity }) => code === "NotYetSupported" && severity === "error",
  );
  const names = Object.keys(jsonSchemaOf(kind.schema).properties ?? {});
  return names.flatMap((name) => {
    const reference = references[name];
    const isText = kind.kind !== "Host" || name === "tlsSecret";
    return reference === undefined || !isServed || !isText
      ? []
      : [{ at: `${kind.kind}.${name}`, good, name, reference }];
  });
});

describe("a reference to what is not there", () => {
  it.each(dangling)("is told at $at; nothing else changes", ({ good, name, reference: [value, path] }) => {
    const now = compiled(withValue(good, ["spec", name], value));
    const told = said(now);
    expect(told.length).toBeGreaterThan(0);
    expect(told.map(({ object }) => object.name)).toEqual(told.map(() => good.metadata.name));
    expect(told.map((problem) => formatPath(problem.path))).toContainEqual(expect.stringContaining(path.join(".")));
    // What is only warned of is there, and so changes something: a route, a filter, a log.
    // A Host without its certificate still redirects.
    const isUnused = good.kind !== "Host" && told.some(({ severity }) => severity === "error");
    if (isUnused) expect(untouched(now.versions, good)).toEqual(untouched(before.versions, good));
    const others = Object.entries(before.versions).filter(([name]) => /^(cluster|endpoint|secret) /.test(name));
    expect(others.filter(([name, version]) => now.versions[name] !== version)).toEqual([]);
  });
});
