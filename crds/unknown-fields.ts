import type { Fix, PathStep } from "../ir/problem.ts";
import type { JsonSchema } from "./json-schema.ts";
import { nearest, surely } from "./nearest.ts";

export interface UnknownField {
  readonly path: readonly PathStep[];
  readonly message: string;
  readonly advice: string;
  readonly fix?: Fix | undefined;
}

/**
 * Fields that the schema does not name, at any depth. The API server has pruned them before we see an object; in files,
 * annotations and the Module's config they are typing errors that nothing else tells.
 */
export function unknownFields(
  schema: JsonSchema,
  value: unknown,
  at: readonly PathStep[],
  owner: string,
): UnknownField[] {
  const found: UnknownField[] = [];
  walk(schema, value, at, owner, found);
  return found;
}

function walk(
  schema: JsonSchema,
  value: unknown,
  path: readonly PathStep[],
  owner: string,
  found: UnknownField[],
): void {
  if (typeof value !== "object" || value === null) return;
  if (schema.anyOf !== undefined) {
    const form = schema.anyOf.find((one) => one.type === (Array.isArray(value) ? "array" : "object"));
    if (form !== undefined) walk(form, value, path, owner, found);
    return;
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) value.forEach((item, index) => walk(items, item, [...path, index], owner, found));
    return;
  }
  const { properties = {}, additionalProperties } = schema;
  if (schema.properties === undefined && additionalProperties === undefined) return;
  for (const [key, child] of Object.entries(value)) {
    if (typeof child === "object" && child !== null && Object.hasOwn(properties, key)) {
      const field = properties[key];
      if (field !== undefined) walk(field, child, [...path, key], key, found);
    } else if (!Object.hasOwn(properties, key)) {
      if (additionalProperties === undefined)
        found.push({
          ...unknownField(key, [...path, key], owner, Object.keys(properties)),
          fix: renaming(key, properties, value),
        });
      else if (typeof additionalProperties === "object")
        walk(additionalProperties, child, [...path, key], owner, found);
    }
  }
}

/** Where what was meant is written beside it, a person must choose. */
function renaming(key: string, properties: Readonly<Record<string, unknown>>, beside: object): Fix | undefined {
  const to = surely(key, Object.keys(properties));
  return to === undefined || Object.hasOwn(beside, to) ? undefined : { kind: "rename", to };
}

/** How many names are listed where none is near; longer lists are in the reference. */
const listable = 12;

export function unknownField(key: string, path: readonly PathStep[], owner: string, names: string[]): UnknownField {
  const near = nearest(key, names);
  const message = `is not a field of ${owner} and has no effect`;
  if (near !== undefined) return { path, message, advice: `did you mean ${near}?` };
  if (names.length > listable) return { path, message, advice: "remove it, or look its name up in the reference" };
  return { path, message, advice: `remove it; the fields here are ${names.join(", ")}` };
}
