import { describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { customKinds } from "../../capabilities/kinds.ts";
import { crdOf, structural } from "../../crds/structural.ts";
import { driftedFiles, generatedFiles } from "../../hack/generate.ts";

/** Every schema of a CRD with its path. */
function* schemasOf(node: unknown, path = ""): Generator<[string, Record<string, unknown>]> {
  if (typeof node !== "object" || node === null) return;
  const schema = node as Record<string, unknown>;
  yield [path, schema];
  for (const [name, child] of Object.entries((schema["properties"] as object | undefined) ?? {})) {
    yield* schemasOf(child, `${path}.${name}`);
  }
  yield* schemasOf(schema["items"], `${path}[]`);
  yield* schemasOf(schema["additionalProperties"], `${path}.*`);
}

function rootOf(row: (typeof customKinds)[number]): unknown {
  const { spec } = crdOf(row) as { spec: { versions: { schema: { openAPIV3Schema: unknown } }[] } };
  return spec.versions[0]?.schema.openAPIV3Schema;
}

describe("the generated files", () => {
  it("are what the schemas say: else run npm run generate", () => {
    expect(driftedFiles(generatedFiles())).toEqual([]);
  });

  it("hold one CRD per kind, by Emissary's names", () => {
    expect([...generatedFiles().keys()].filter((path) => path.startsWith("crds/"))).toEqual([
      "crds/generated/listeners.yaml",
      "crds/generated/hosts.yaml",
      "crds/generated/mappings.yaml",
      "crds/generated/tlscontexts.yaml",
      "crds/generated/modules.yaml",
      "crds/generated/kubernetesserviceresolvers.yaml",
      "crds/generated/kubernetesendpointresolvers.yaml",
      "crds/generated/tcpmappings.yaml",
      "crds/generated/authservices.yaml",
      "crds/generated/ratelimitservices.yaml",
      "crds/generated/logservices.yaml",
      "crds/generated/tracingservices.yaml",
      "crds/generated/devportals.yaml",
      "crds/generated/consulresolvers.yaml",
    ]);
  });
});

describe.each(customKinds)("the CRD of $kind", (row) => {
  const schemas = [...schemasOf(rootOf(row))];

  it("has no default, so that unset stays unset in stored objects", () => {
    expect(schemas.filter(([, schema]) => "default" in schema)).toEqual([]);
  });

  it("describes every field", () => {
    const silent = schemas.filter(
      ([path, schema]) => /\.spec.*\.\w+$/.test(path) && schema["description"] === undefined,
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  it("is open only where content is not typed", () => {
    const open = schemas.filter(([, schema]) => "x-kubernetes-preserve-unknown-fields" in schema).map(([path]) => path);
    const expected: Partial<Record<string, string[]>> = {
      Mapping: [".spec.envoy_override", ".spec.modules[]"],
      Module: [".spec.config"],
    };
    expect(open).toEqual(expected[row.kind] ?? []);
  });

  it("has conditions in its status", () => {
    expect(schemas.map(([path]) => path)).toContain(".status.conditions");
  });
});

describe("what zod writes and a structural schema may not hold", () => {
  it("is translated", () => {
    const schema = z.object({
      count: z.int(),
      code: z.literal([1, 2]),
      either: z.union([z.string(), z.int()]),
      map: z.record(z.string(), z.string()),
      free: z.record(z.string(), z.unknown()),
      any: z.unknown(),
      nothing: z.string().nullable(),
      above: z.number().gt(3),
      closed: z.strictObject({ a: z.string() }),
    });
    expect(structural(schema)).toMatchObject({
      properties: {
        count: { type: "integer" },
        code: { type: "integer", enum: [1, 2] },
        either: { "x-kubernetes-int-or-string": true },
        map: { type: "object", additionalProperties: { type: "string" } },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        any: { "x-kubernetes-preserve-unknown-fields": true },
        nothing: { type: "string", nullable: true },
        above: { minimum: 3, exclusiveMinimum: true },
        closed: { type: "object", properties: { a: { type: "string" } } },
      },
    });
    const text = JSON.stringify(structural(schema));
    for (const word of ["anyOf", "propertyNames", "$schema", "9007199254740991", 'additionalProperties":false'])
      expect(text).not.toContain(word);
  });

  it.each<[string, z.ZodType]>([
    ["a default", z.string().default("x")],
    [
      "a discriminated union",
      z.discriminatedUnion("a", [z.object({ a: z.literal("b") }), z.object({ a: z.literal("c") })]),
    ],
    ["a tuple", z.tuple([z.string(), z.int()])],
    ["a look-ahead", z.hostname()],
    ["a reference", z.object({ a: z.string().meta({ id: "shared" }) })],
  ])("is refused: %s", (_, schema) => {
    expect(() => structural(z.object({ field: schema }))).toThrow(/^CRD schema at /);
  });
});
