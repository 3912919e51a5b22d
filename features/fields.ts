/** The few forms that spec fields take. Each is optional: unset must stay distinguishable, so no schema has a default. */
import { z } from "zod";

/**
 * Descriptions become the CRD's and the reference's text: what it means, its unit, then `Default: ...` as the last
 * sentence, which the reference shows in a column of its own.
 */
export function text(description: string) {
  return z.string().optional().describe(description);
}

/** Envoy refuses a whole table for one host name with a line break in it, and no request ever has one with a blank. */
export function isHostName(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return text !== "" && !/[\s\u0000-\u001f\u007f]/.test(text);
}

export const HOST_NAME_ADVICE = 'write a host name, "*.name", or "*" for all';

/** A DNS glob; what is no host name for another reason matches nothing. */
export function hostName(description: string) {
  return z
    .string()
    .refine(isHostName, {
      error: "is empty, or holds a blank or a control character, which no host name has",
      params: { advice: HOST_NAME_ADVICE },
    })
    .optional()
    .describe(description);
}

export function flag(description: string) {
  return z.boolean().optional().describe(description);
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values, description: string) {
  return z.enum(values).optional().describe(description);
}

export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** A whole number; without bounds any that JSON keeps exactly. */
export function integer(description: string, { min, max }: Bounds = {}) {
  let schema = z.int();
  if (min !== undefined) schema = schema.min(min);
  if (max !== undefined) schema = schema.max(max);
  return schema.optional().describe(description);
}

/** A uint32 of Envoy's. */
export function count(description: string, min = 0) {
  return integer(description, { min, max: 4_294_967_295 });
}

/** Envoy refuses longer durations, and whole seconds of 2^63 - 1 nanoseconds too: source/common/protobuf/utility.cc. */
export const LONGEST_MS = 9_223_372_035_999;

export function milliseconds(description: string, min = 0) {
  return integer(description, { min, max: LONGEST_MS });
}

export function texts(description: string) {
  return z.array(z.string()).optional().describe(description);
}

export function textMap(description: string) {
  return z.record(z.string(), z.string()).optional().describe(description);
}

/** An object whose content is not typed. */
export function freeForm(description: string) {
  return z.record(z.string(), z.unknown()).describe(description);
}

/** An object or map that must hold exactly one key, whichever it is. */
export function exactlyOneKey<Schema extends z.ZodType<object>>(schema: Schema): Schema {
  return schema
    .refine((value) => Object.keys(value).length === 1, {
      error: "must have exactly one key",
      params: { advice: "write one key here, and the others as further items of the list" },
    })
    .meta({ minProperties: 1, maxProperties: 1 });
}

export function regexSubstitution(description: string) {
  return z
    .object({
      pattern: text("Regular expression (RE2)."),
      substitution: text("Replacement of what the pattern matched; \\1 to \\9 are its groups. Default: empty."),
    })
    .optional()
    .describe(description);
}

export function addedHeaders(description: string) {
  const header = z.object({
    value: text("Value of the header; Envoy's %COMMAND% operators are expanded. Default: empty."),
    append: flag(
      "Whether a header that is there already keeps its value too, instead of being replaced. Default: true.",
    ),
    v2Representation: choice(["", "string", "null"], "How v2 wrote the header; kept for conversion, without effect."),
  });
  return z.record(z.string(), header).optional().describe(description);
}
