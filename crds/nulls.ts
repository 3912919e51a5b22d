import type { PathStep } from "../ir/problem.ts";
import { allows, type JsonSchema } from "./json-schema.ts";

export interface WithoutNulls {
  /** The same value, where nothing was left out. */
  readonly value: unknown;
  /** Fields that were left out and may be, by their paths below the value. */
  readonly left: readonly (readonly PathStep[])[];
}

/**
 * The value without the fields that are null where their schema has no null, as `kubectl create` and Go's decoder leave them out.
 * `protocol_version:` with nothing behind it is common in what people copy. The keys of maps stay: a condition on a header
 * whose value has been forgotten is not to match everything.
 */
export function withoutNulls(schema: JsonSchema, value: unknown): WithoutNulls {
  const left: (readonly PathStep[])[] = [];
  return { value: strip(schema, value, [], left), left };
}

function strip(schema: JsonSchema, value: unknown, path: readonly PathStep[], left: (readonly PathStep[])[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const { items } = formOf(schema, "array");
    if (items === undefined) return value;
    const now = value.map((item: unknown, index) => strip(items, item, [...path, index], left));
    return now.every((item, index) => item === value[index]) ? value : now;
  }
  const { properties = {}, additionalProperties, required = [] } = formOf(schema, "object");
  const children = Object.entries(value).map(([key, child]): readonly [string, unknown, boolean] => {
    const named = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (child === null && named !== undefined && !allows(named, "null")) {
      // One that is required is told to be missing.
      if (!required.includes(key)) left.push([...path, key]);
      return [key, child, true];
    }
    const ofKey = named ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
    return [key, ofKey === undefined ? child : strip(ofKey, child, [...path, key], left), false];
  });
  const isSame = children.every(([key, child, isLeft]) => !isLeft && child === (value as Record<string, unknown>)[key]);
  if (isSame) return value;
  return Object.fromEntries(children.filter(([, , isLeft]) => !isLeft).map(([key, child]) => [key, child]));
}

function formOf(schema: JsonSchema, type: "array" | "object"): JsonSchema {
  return schema.anyOf?.find((form) => allows(form, type)) ?? schema;
}
