/**
 * A row of the table of kinds as a CustomResourceDefinition. What zod writes and a structural schema may not hold is
 * translated, and what has no translation throws: a mistake of ours that must not reach a cluster.
 * Source: Kubernetes apiextensions.k8s.io/v1 JSONSchemaProps and its rules for structural schemas.
 */
import type { z } from "zod";
import type { CustomKind, PrinterColumn } from "../capabilities/kinds.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { pathAsWritten } from "./versions/convert.ts";

type Json = Readonly<Record<string, unknown>>;

/** Taken over as they are. */
const plainKeys = [
  "type",
  "format",
  "description",
  "enum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "required",
  "nullable",
];

/** Translated below, or without meaning for the API server. */
const readKeys = new Set([
  ...plainKeys,
  "$schema",
  "examples",
  "propertyNames",
  "properties",
  "additionalProperties",
  "items",
  "anyOf",
  "const",
  "pattern",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
]);

const preserve = { "x-kubernetes-preserve-unknown-fields": true } as const;

export function structural(schema: z.ZodType): Json {
  return translate(jsonSchemaOf(schema) as Json, "");
}

function translate(schema: Json, at: string): Json {
  for (const key of Object.keys(schema)) {
    if (!readKeys.has(key) && !key.startsWith("x-kubernetes-"))
      refuse(at, `${key} has no place in a structural schema`);
  }
  if (schema["anyOf"] !== undefined) return alternatives(schema, at);
  const type = typeOf(schema, at);
  const description = schema["description"] === undefined ? {} : { description: schema["description"] };
  if (type === undefined && schema["enum"] === undefined) return { ...description, ...preserve };
  return {
    ...pick(schema, plainKeys),
    ...type,
    ...bounds(schema),
    ...pattern(schema, at),
    ...children(schema, at),
    ...extensions(schema),
  };
}

function refuse(at: string, why: string): never {
  throw new Error(`CRD schema at ${at === "" ? "its root" : at}: ${why}`);
}

function pick(schema: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter((key) => schema[key] !== undefined).map((key) => [key, schema[key]]));
}

function extensions(schema: Json): Json {
  return pick(
    schema,
    Object.keys(schema).filter((key) => key.startsWith("x-kubernetes-")),
  );
}

/** zod has no word for integers in a literal, and writes null as a type of its own. */
function typeOf(schema: Json, at: string): Json | undefined {
  const { type, enum: values, const: only } = schema;
  const one = only === undefined ? values : [only];
  if (Array.isArray(one)) {
    const enumOnly = only === undefined ? {} : { enum: one };
    if (one.every((value) => Number.isInteger(value))) return { type: "integer", ...enumOnly };
    if (one.every((value) => typeof value === "string")) return { type: "string", ...enumOnly };
    refuse(at, "enum of mixed types");
  }
  if (Array.isArray(type)) {
    const [first, ...others] = type.filter((name) => name !== "null");
    if (typeof first !== "string" || others.length > 0) refuse(at, `types ${type.join(", ")}`);
    return { type: first, nullable: true };
  }
  return type === undefined ? undefined : { type };
}

/** Only string or integer has a form of its own in a structural schema; types inside anyOf are forbidden. */
function alternatives(schema: Json, at: string): Json {
  const forms = schema["anyOf"] as readonly Json[];
  const types = forms.map((form) => form["type"]);
  const description = schema["description"] === undefined ? {} : { description: schema["description"] };
  if (types.includes("null") && forms.length === 2) {
    const form = forms.find(({ type }) => type !== "null") ?? {};
    return { ...translate(form, at), ...description, nullable: true };
  }
  if (forms.length === 2 && types.includes("string") && types.includes("integer")) {
    return { ...description, "x-kubernetes-int-or-string": true };
  }
  return refuse(at, `a union of ${types.join(", ")}`);
}

/** JSON Schema's exclusive bounds are numbers, OpenAPI 3.0's are flags; zod bounds every integer by what JavaScript holds. */
function bounds(schema: Json): Json {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  return {
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
    ...(exclusiveMinimum === undefined ? {} : { minimum: exclusiveMinimum, exclusiveMinimum: true }),
    ...(exclusiveMaximum === undefined ? {} : { maximum: exclusiveMaximum, exclusiveMaximum: true }),
  };
}

/** The API server's regular expressions are RE2, which has no look-around; date-time has its format. */
function pattern(schema: Json, at: string): Json {
  const { pattern: source, format } = schema;
  if (source === undefined || format === "date-time") return {};
  if (/\(\?[=!<]/.test(String(source))) refuse(at, `pattern ${String(source)} looks around`);
  return { pattern: source };
}

function children(schema: Json, at: string): Json {
  const { properties, additionalProperties, items, type } = schema as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly additionalProperties?: Json | boolean;
    readonly items?: Json;
    readonly type?: unknown;
  };
  if (type === "array") {
    if (items === undefined) return refuse(at, "a list without the type of its items");
    return { items: translate(items, `${at}[]`) };
  }
  if (type !== "object") return {};
  const open = typeof additionalProperties === "object" && Object.keys(additionalProperties).length === 0;
  if (properties !== undefined) {
    const names = Object.keys(properties).sort();
    const translated = names.map((name) => [name, translate(properties[name] ?? {}, `${at}.${name}`)]);
    return { properties: Object.fromEntries(translated), ...(open ? preserve : {}) };
  }
  if (open || additionalProperties === undefined) return preserve;
  if (typeof additionalProperties === "boolean") return refuse(at, `additionalProperties: ${additionalProperties}`);
  return { additionalProperties: translate(additionalProperties, `${at}.*`) };
}

export interface Legacy {
  /** Versions beside v3alpha1, newest first. */
  readonly versions: readonly string[];
  /** `spec.conversion` */
  readonly conversion: unknown;
}

/** The CustomResourceDefinition of a kind of ours. With several versions v3alpha1 is the one that is stored. */
export function crdOf(row: CustomKind, legacy: Legacy = { versions: [], conversion: undefined }): Json {
  const spec = structural(row.schema);
  const columns = row.printerColumns.map(columnOf);
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${row.plural}.${row.group}`,
      labels: { "app.kubernetes.io/part-of": "nuncio" },
    },
    spec: {
      group: row.group,
      scope: row.scope,
      names: {
        kind: row.kind,
        listKind: `${row.kind}List`,
        plural: row.plural,
        singular: row.singular,
        ...(row.shortNames === undefined ? {} : { shortNames: row.shortNames }),
        categories: [row.category],
      },
      ...(legacy.versions.length === 0 ? {} : { conversion: legacy.conversion }),
      versions: [
        {
          name: row.version,
          served: true,
          storage: true,
          ...(columns.length === 0 ? {} : { additionalPrinterColumns: columns }),
          ...(row.statusSubresource ? { subresources: { status: {} } } : {}),
          schema: {
            openAPIV3Schema: {
              type: "object",
              description: spec["description"],
              properties: {
                apiVersion: { type: "string", description: `Always ${row.group}/${row.version}.` },
                kind: { type: "string", description: `Always ${row.kind}.` },
                metadata: { type: "object" },
                spec,
                status: structural(row.status),
              },
              // Without it a Mapping with no spec would slip past the fields that spec requires.
              ...(row.schema.safeParse({}).success ? {} : { required: ["spec"] }),
            },
          },
        },
        ...legacy.versions.map((version) => legacyVersion(row, version)),
      ],
    },
  };
}

/**
 * An old version has no types: they would be a second copy of all schemas, with unions that a structural schema cannot say. The
 * admission webhook judges such objects all the same, since the API server shows it them as v3alpha1.
 */
function legacyVersion(row: CustomKind, name: string): Json {
  const columns = row.printerColumns.map((column) => ({
    ...columnOf(column),
    jsonPath: legacyPath(row.kind, column.jsonPath),
  }));
  const description = `As ${row.group}/${row.version}, in the words of ${name}. Write ${row.version}: nuncio migrate does.`;
  return {
    name,
    served: true,
    storage: false,
    ...(columns.length === 0 ? {} : { additionalPrinterColumns: columns }),
    ...(row.statusSubresource ? { subresources: { status: {} } } : {}),
    schema: {
      openAPIV3Schema: {
        type: "object",
        description,
        properties: {
          apiVersion: { type: "string" },
          kind: { type: "string" },
          metadata: { type: "object" },
          spec: { type: "object", ...preserve },
          status: { type: "object", ...preserve },
        },
      },
    },
  };
}

/** What has a priority of its own is shown by `-o wide` alone. */
function columnOf({ name, type, jsonPath, wide }: PrinterColumn): Json {
  return { name, type, jsonPath, ...(wide === true ? { priority: 1 } : {}) };
}

/** `.spec.hostname` of a Mapping is `.spec.host` there. */
function legacyPath(kind: string, jsonPath: string): string {
  if (!jsonPath.startsWith(".spec.")) return jsonPath;
  const [, ...path] = jsonPath.split(".");
  return `.${pathAsWritten({ kind, spec: {} }, path).join(".")}`;
}
