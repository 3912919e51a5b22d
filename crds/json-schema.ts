/** A zod schema as JSON Schema: what messages, the walk for unknown fields, CRDs and the reference read. */
import { z } from "zod";
import type { PathStep } from "../ir/problem.ts";

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const known = new WeakMap<z.ZodType, JsonSchema>();

/** Of the input, so that a transform (in schemas without a CRD) is described by what may be written. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const made = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  known.set(schema, made);
  return made;
}

/** The schema of a field; undefined where the path leads into what is not typed. */
export function schemaAt(schema: JsonSchema, path: readonly PathStep[]): JsonSchema | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  for (const form of schema.anyOf ?? [schema]) {
    const child = childOf(form, step);
    if (child !== undefined) return schemaAt(child, rest);
  }
  return undefined;
}

function childOf(schema: JsonSchema, step: PathStep): JsonSchema | undefined {
  if (typeof step === "number") return schema.items;
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, step)) return schema.properties[step];
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

/** Whether any value of the type may stand here: strings and integers are told apart, objects and maps are not. */
export function allows(schema: JsonSchema, type: string): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some((form) => allows(form, type));
  return typeof schema.type === "string" ? schema.type === type : (schema.type?.includes(type) ?? true);
}
