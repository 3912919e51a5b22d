/** What zod found, in the words of the person who wrote the manifest. */
import type { z } from "zod";
import type { Fix, PathStep } from "../ir/problem.ts";
import { isSensitive, withoutCredentials } from "../ir/sensitive.ts";
import { allows, type JsonSchema, schemaAt } from "./json-schema.ts";
import { nearest } from "./nearest.ts";

export interface Complaint {
  readonly path: readonly PathStep[];
  readonly message: string;
  readonly advice: string;
  readonly fix?: Fix | undefined;
}

export interface ComplaintInput {
  readonly schema: JsonSchema;
  /** What was parsed; values are quoted from it. */
  readonly raw: unknown;
  /** False for Secrets: their values must not be in any text. */
  readonly quote: boolean;
}

type Issue = z.core.$ZodIssue;

export function complaintsOf(issue: Issue, input: ComplaintInput): Complaint[] {
  if (issue.code === "invalid_union") {
    const path = stepsOf(issue.path);
    const deeper = issue.errors.find((form) => form.some((one) => one.path.length > 0));
    if (deeper !== undefined) {
      return deeper.flatMap((one) => complaintsOf({ ...one, path: [...path, ...one.path] }, input));
    }
    return [wrongType(path, input)];
  }
  return [complaintOf(issue, input)];
}

function complaintOf(issue: Issue, input: ComplaintInput): Complaint {
  const path = stepsOf(issue.path);
  const value = valueAt(input.raw, path);
  const shown = show(value, input.quote && !isSensitive(path));
  const schema = schemaAt(input.schema, path) ?? {};
  switch (issue.code) {
    case "invalid_type":
      return value === undefined ? missing(path, schema) : wrongType(path, input);
    case "invalid_value":
      if (value === undefined) return missing(path, schema);
      return {
        path,
        message: `${shown} is not an allowed value`,
        advice: oneOf(value, issue.values),
        fix: sameWord(value, issue.values),
      };
    case "too_small":
    case "too_big":
      if (issue.origin === "array") {
        return { path, message: "the list is empty", advice: "write at least one item, or leave the field out" };
      }
      return { path, message: `${shown} is out of range`, advice: `write ${rangeOf(schema)}` };
    case "invalid_format":
      return { path, message: `${shown} has the wrong form`, advice: `it must match ${issue.pattern ?? issue.format}` };
    case "custom":
      return { path, message: issue.message, advice: String(issue.params?.["advice"] ?? "correct it") };
    default:
      return { path, message: `${shown} is not allowed: ${issue.message}`, advice: "correct it" };
  }
}

function missing(path: readonly PathStep[], schema: JsonSchema): Complaint {
  const [example] = schema.examples ?? [];
  const what = schema.enum === undefined ? nounOf(schema) : `one of ${schema.enum.join(", ")}`;
  const advice = example === undefined ? `add ${what}` : `add ${what}, for example ${JSON.stringify(example)}`;
  return { path, message: "is required and missing", advice };
}

function wrongType(path: readonly PathStep[], { schema: root, raw, quote: mayQuote }: ComplaintInput): Complaint {
  const quote = mayQuote && !isSensitive(path);
  const schema = schemaAt(root, path) ?? {};
  const value = valueAt(raw, path);
  return {
    path,
    message: `${show(value, quote)} is not ${nounOf(schema)}`,
    advice: correction(path, schema, value, quote),
    fix: quote ? sureValue(path, schema, value) : undefined,
  };
}

function correction(path: readonly PathStep[], schema: JsonSchema, value: unknown, quote: boolean): string {
  const name = path.findLast((step) => typeof step === "string") ?? "";
  const [example] = schema.examples ?? [];
  if (value === null) return `write ${nounOf(schema)}, or leave the field out`;
  if (allows(schema, "integer")) {
    if (name.endsWith("_ms")) return `write a number of milliseconds, for example ${exampleMs(value)}`;
    if (typeof value === "string" && /^-?\d+$/.test(value)) return `write ${value} without quotes`;
    return "write a whole number";
  }
  if (allows(schema, "string")) {
    const scalar = typeof value === "number" || typeof value === "boolean";
    if (schema.enum !== undefined) return `write one of ${schema.enum.join(", ")}`;
    if (scalar && example !== undefined) return `write a string, for example ${JSON.stringify(example)}`;
    if (scalar) return quote ? `write it in quotes: "${value}"` : "write it in quotes";
    return "write one string";
  }
  if (allows(schema, "boolean")) {
    const meant = typeof value === "string" ? meantFlag(value) : undefined;
    return meant === undefined ? "write true or false" : `write ${meant} without quotes`;
  }
  if (allows(schema, "array")) {
    const scalar = typeof value === "string" || typeof value === "number";
    return scalar && quote && allows(schema.items ?? {}, "string") ? `write ["${value}"]` : "write a list";
  }
  if (schema.properties !== undefined) {
    const names = Object.keys(schema.properties);
    return names.length > listable ? "write an object" : `write an object; its fields are ${names.join(", ")}`;
  }
  return "write a map of names to values";
}

/** What the value can only have been meant to be. Not a text for a number: what YAML read as 1.1 may have been written 1.10. */
function sureValue(path: readonly PathStep[], schema: JsonSchema, value: unknown): Fix | undefined {
  if (typeof value !== "string") return undefined;
  const set = (meant: unknown): Fix => ({ kind: "set", value: meant });
  if (allows(schema, "integer")) {
    const [, digits, unit] = inMs.exec(value) ?? [];
    const isMs = unit !== undefined && path.at(-1)?.toString().endsWith("_ms") === true;
    if (digits === undefined || (unit !== undefined && !isMs)) return undefined;
    return unit === undefined && digits.includes(".") ? undefined : set(exampleMs(value));
  }
  if (allows(schema, "string") || schema.anyOf !== undefined) return undefined;
  if (allows(schema, "boolean")) return /^(true|false)$/i.test(value) ? set(value.toLowerCase() === "true") : undefined;
  return allows(schema, "array") && allows(schema.items ?? {}, "string") ? set([value]) : undefined;
}

/** The same word in other letters. */
function sameWord(value: unknown, allowed: readonly unknown[]): Fix | undefined {
  if (typeof value !== "string") return undefined;
  const same = allowed.filter((each) => typeof each === "string" && each.toLowerCase() === value.toLowerCase());
  return same.length === 1 ? { kind: "set", value: same[0] } : undefined;
}

/** Longer lists are in the reference. */
const listable = 12;

function meantFlag(text: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  return /^(false|no|off|0)$/i.test(text) ? false : undefined;
}

const msByUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const inMs = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/;

/** What was probably meant by "3s" or "500ms"; else the usual timeout. */
function exampleMs(value: unknown): number {
  const [, digits, unit] = inMs.exec(String(value)) ?? [];
  return digits === undefined ? 3000 : Math.round(Number(digits) * (msByUnit[unit ?? "ms"] ?? 1));
}

function oneOf(value: unknown, allowed: readonly unknown[]): string {
  const names = allowed.map(String);
  const near = typeof value === "string" ? nearest(value, names) : undefined;
  const choices = allowed.map((item) => (item === "" ? '""' : String(item))).join(", ");
  return near === undefined ? `use one of ${choices}` : `did you mean ${near}? Use one of ${choices}`;
}

function rangeOf({ minimum, maximum }: JsonSchema): string {
  if (minimum === undefined || minimum === Number.MIN_SAFE_INTEGER) return `a whole number up to ${maximum}`;
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? `a whole number from ${minimum}`
    : `a whole number from ${minimum} to ${maximum}`;
}

const nouns: readonly (readonly [string, string])[] = [
  ["string", "a string"],
  ["integer", "an integer"],
  ["boolean", "a boolean"],
  ["array", "a list"],
];

function nounOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined)
    return schema.anyOf
      .filter(({ type }) => type !== "null")
      .map(nounOf)
      .join(" or ");
  if (schema.type === "object") return schema.properties === undefined ? "a map" : "an object";
  return nouns.find(([type]) => allows(schema, type))?.[1] ?? "allowed";
}

const longest = 60;

/** The value as it may stand in a message: short, and nothing of a secret. */
export function show(value: unknown, quote = true): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (!quote) return "the value";
  const text = typeof value === "string" ? JSON.stringify(withoutCredentials(value)) : String(value);
  return text.length <= longest ? text : `${text.slice(0, longest - 4)}..."`;
}

function stepsOf(path: readonly PropertyKey[]): PathStep[] {
  return path.map((step) => (typeof step === "symbol" ? String(step) : step));
}

function valueAt(raw: unknown, path: readonly PathStep[]): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<PathStep, unknown>>)[step];
  }
  return value;
}
