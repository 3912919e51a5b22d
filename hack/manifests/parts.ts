/**
 * Parts of an object that the Helm chart takes from its values. An object is written once, as data with such parts in it:
 * plain.ts makes manifests of it, with the values' defaults, and chart.ts a template.
 */
import type { Values } from "./values.ts";

/** Paths of values, as templates write them: `service.type`. */
export type Path<T = Values> = T extends readonly unknown[]
  ? never
  : T extends object
    ? { [K in keyof T & string]: K | `${K}.${Path<NonNullable<T[K]>>}` }[keyof T & string]
    : never;

const kind = Symbol("part");

export type Part =
  /** One value on the line of its key. */
  | { readonly [kind]: "scalar"; readonly chart: string; readonly plain: (values: Values) => unknown }
  /** A map, or a list, as users gave it; left out where it is empty. */
  | { readonly [kind]: "block"; readonly chart: Block; readonly plain: (values: Values) => unknown }
  /** An object, an entry of a map or an item of a list that is there under a condition. */
  | { readonly [kind]: "when"; readonly condition: Condition; readonly then: unknown; readonly otherwise?: unknown };

interface Block {
  readonly expression: string;
  /** The expression is YAML already, as of `include`. */
  readonly isText?: true;
}

export interface Condition {
  readonly chart: string;
  readonly holds: (values: Values) => boolean;
}

export function isPart(node: unknown): node is Part {
  return typeof node === "object" && node !== null && kind in node;
}

export function kindOf(part: Part): Part[typeof kind] {
  return part[kind];
}

export function isScalar(part: Part): part is Extract<Part, { [kind]: "scalar" }> {
  return part[kind] === "scalar";
}

export function isBlock(part: Part): part is Extract<Part, { [kind]: "block" }> {
  return part[kind] === "block";
}

export function at(values: Values, path: string): unknown {
  return path.split(".").reduce<unknown>((now, key) => (now as Record<string, unknown> | undefined)?.[key], values);
}

/** A number or a boolean. */
export function value(path: Path): Part {
  // Helm reads numbers as floats, and prints large ones as 1e+06.
  const plain = (values: Values): unknown => at(values, path);
  return { [kind]: "scalar", chart: `.Values.${path}`, plain };
}

export function integer(path: Path): Part {
  return { [kind]: "scalar", chart: `int .Values.${path}`, plain: (values) => at(values, path) };
}

export function text(path: Path): Part {
  return { [kind]: "scalar", chart: `.Values.${path} | quote`, plain: (values) => at(values, path) };
}

/** A value that a template works out: `chart` is an expression of it, and `plain` the same in TypeScript. */
export function computed(chart: string, plain: (values: Values) => unknown): Part {
  return { [kind]: "scalar", chart, plain };
}

export function block(path: Path): Part {
  return { [kind]: "block", chart: { expression: `.Values.${path}` }, plain: (values) => at(values, path) };
}

/** What a helper of _helpers.tpl writes. */
export function included(expression: string, plain: (values: Values) => unknown): Part {
  return { [kind]: "block", chart: { expression, isText: true }, plain };
}

export function when(condition: Condition, then: unknown, otherwise?: unknown): Part {
  return { [kind]: "when", condition, then, ...(otherwise === undefined ? {} : { otherwise }) };
}

/** Set, and not empty, 0 or false. */
export function on(path: Path): Condition {
  return { chart: `.Values.${path}`, holds: (values) => isTruthy(at(values, path)) };
}

export function not(condition: Condition): Condition {
  return { chart: `(not ${condition.chart})`, holds: (values) => !condition.holds(values) };
}

export function all(...conditions: readonly Condition[]): Condition {
  return {
    chart: `(and ${conditions.map(({ chart }) => chart).join(" ")})`,
    holds: (values) => conditions.every(({ holds }) => holds(values)),
  };
}

export function any(...conditions: readonly Condition[]): Condition {
  return {
    chart: `(or ${conditions.map(({ chart }) => chart).join(" ")})`,
    holds: (values) => conditions.some(({ holds }) => holds(values)),
  };
}

export function is(path: Path, word: string): Condition {
  return { chart: `(eq .Values.${path} ${JSON.stringify(word)})`, holds: (values) => at(values, path) === word };
}

/** As Go's templates see it. */
function isTruthy(found: unknown): boolean {
  if (typeof found === "object" && found !== null) return Object.keys(found).length > 0;
  return Boolean(found);
}
