/** Where the settings of a feature come from, found out by asking the feature itself: without a field, what would be another? */
import type { ModuleConfig } from "../../crds/module-config.ts";
import type { AnyFeature, FeatureContext } from "../../features/feature.ts";
import type { PathStep } from "../../ir/problem.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A place in the fields of the Mapping's spec or of the Module's config; default: in neither. */
export type Origin =
  | { readonly kind: "field"; readonly path: readonly PathStep[] }
  | { readonly kind: "module"; readonly path: readonly PathStep[] }
  | { readonly kind: "default" };

const byDefault: Origin = { kind: "default" };

/** A feature's settings, by name; those that are no record are one setting without a name. */
export function partsOf(settings: unknown): ReadonlyMap<string, unknown> {
  if (settings === undefined) return new Map();
  if (!isRecord(settings)) return new Map([["", settings]]);
  return new Map(Object.entries(settings).filter(([, value]) => value !== undefined));
}

type Evaluate = (fields: Fields, defaults: Fields) => ReadonlyMap<string, unknown>;

/** By the name of each part of a feature's settings where it comes from. */
export function originsOf(
  feature: AnyFeature,
  spec: Fields,
  context: FeatureContext,
): { readonly parts: ReadonlyMap<string, unknown>; readonly origins: ReadonlyMap<string, Origin> } {
  const fields = Object.fromEntries(
    Object.keys(feature.fields).flatMap((name) => (spec[name] === undefined ? [] : [[name, spec[name]]])),
  );
  const evaluate: Evaluate = (some, defaults) => {
    try {
      return partsOf(feature.fromMapping(some, { ...context, defaults: defaults as ModuleConfig }).value);
    } catch {
      return new Map(); // values are tried that no parser would let through
    }
  };
  const { result: parts, read } = noting(context.defaults, (defaults) => evaluate(fields, defaults));
  const ofFields = (some: Fields) => evaluate(some, context.defaults);
  const ofModule = (some: Fields) => evaluate(fields, some);
  const config = Object.fromEntries(Object.entries(context.defaults).filter(([key]) => read.has(key)));
  const origins = new Map<string, Origin>();
  for (const name of parts.keys()) {
    const own = decisive(fields, ofFields, name, parts.get(name));
    if (own !== undefined) {
      origins.set(name, { kind: "field", path: own });
      continue;
    }
    const path = decisive(
      config,
      (some) => ofModule({ ...context.defaults, ...gone(config, some), ...some }),
      name,
      parts.get(name),
    );
    origins.set(name, path === undefined ? byDefault : { kind: "module", path });
  }
  return { parts, origins };
}

/** Keys that were taken away stand as undefined. */
function gone(before: Fields, now: Fields): Fields {
  return Object.fromEntries(Object.keys(before).flatMap((key) => (key in now ? [] : [[key, undefined]])));
}

/**
 * The path of what in `source` makes a part of the settings what it is: without which, or with another value of which, it
 * would be another. Of several the one that takes the least along; empty: several of them together. undefined: none.
 */
function decisive(
  source: Fields,
  evaluate: (changed: Fields) => ReadonlyMap<string, unknown>,
  part: string,
  value: unknown,
): readonly PathStep[] | undefined {
  const text = JSON.stringify(value);
  const differs = (parts: ReadonlyMap<string, unknown>) => parts.size > 0 && JSON.stringify(parts.get(part)) !== text;
  const removals = Object.keys(source)
    .filter((key) => source[key] !== undefined)
    .map((key) => ({ key, inner: source[key], parts: evaluate(without(source, key)) }));
  const into = (key: string, inner: unknown): readonly PathStep[] | undefined => {
    if (!isRecord(inner)) return undefined;
    const deeper = decisive(inner, (changed) => evaluate({ ...source, [key]: changed }), part, value);
    return deeper === undefined ? undefined : [key, ...deeper];
  };
  const [first, second] = removals.filter(({ parts }) => differs(parts)).sort((a, b) => b.parts.size - a.parts.size);
  if (first !== undefined) {
    if (first.parts.size === second?.parts.size) return [];
    return into(first.key, first.inner) ?? [first.key];
  }
  // What is written may be the default, or nothing may be left without it: then it is another value that tells.
  for (const { key, inner } of removals) {
    const deeper = into(key, inner);
    if (deeper !== undefined) return deeper;
    if (differs(evaluate({ ...source, [key]: another(inner) }))) return [key];
  }
  const whole = removals.find(({ parts }) => parts.size === 0);
  return whole === undefined || isEmpty(value) ? undefined : [whole.key];
}

function another(value: unknown): unknown {
  if (Array.isArray(value)) return [...(value as unknown[]), another(value[0])];
  switch (typeof value) {
    case "number":
      return value + 1;
    case "boolean":
      return !value;
    case "string":
      return `${value}x`;
    default:
      return undefined;
  }
}

/** What stands beside something that is written, and says nothing. */
function isEmpty(value: unknown): boolean {
  return value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

function without(fields: Fields, key: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([each]) => each !== key));
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Which keys of an object a function reads. */
function noting<T>(
  object: object,
  run: (noted: Fields) => T,
): { readonly result: T; readonly read: ReadonlySet<string> } {
  const read = new Set<string>();
  const noted = new Proxy(object, {
    get(target, key, receiver) {
      if (typeof key === "string") read.add(key);
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  return { result: run(noted as Fields), read };
}
