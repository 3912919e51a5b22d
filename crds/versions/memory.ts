/**
 * What the other version has no word for is remembered in an annotation, so that a round trip gives back what was written:
 * v2's `ambassador_id: a` for `[a]`, a header with the value false, v3alpha1's `hostname` beside `host`.
 * Only top-level fields of the spec that do not come back by themselves are in it, and they count only as long as they mean
 * what the object says now: whoever changes the object in the other version is not overruled by it.
 */
import { type Fields, has, isEqual, isFields, withField, without } from "./json.ts";

interface Memory {
  readonly set: Fields;
  readonly unset: readonly string[];
}

/** The annotation's value; undefined when nothing is lost. */
export function remember(spec: Fields, comesBackAs: Fields): string | undefined {
  const names = [...new Set([...Object.keys(spec), ...Object.keys(comesBackAs)])].sort();
  const changed = names.filter(
    (name) => !isEqual(spec[name], comesBackAs[name]) || !(has(spec, name) && has(comesBackAs, name)),
  );
  if (changed.length === 0) return undefined;
  const set = Object.fromEntries(changed.filter((name) => has(spec, name)).map((name) => [name, spec[name]]));
  return JSON.stringify({ set, unset: changed.filter((name) => !has(spec, name)) } satisfies Memory);
}

/** The spec with what is remembered put back, as far as it still `holds`. */
export function recall(spec: Fields, annotation: unknown, holds: (spec: Fields) => boolean): Fields {
  const memory = readMemory(annotation);
  if (memory === undefined) return spec;
  const names = [...Object.keys(memory.set), ...memory.unset];
  const put = (into: Fields, name: string): Fields =>
    memory.unset.includes(name) ? without(into, name) : withField(into, name, memory.set[name]);
  const all = names.reduce(put, spec);
  if (holds(all)) return all;
  // Something was changed since; what was not may still be put back.
  return names.reduce((now, name) => {
    const candidate = put(now, name);
    return holds(candidate) ? candidate : now;
  }, spec);
}

function readMemory(annotation: unknown): Memory | undefined {
  if (typeof annotation !== "string") return undefined;
  try {
    const { set, unset } = JSON.parse(annotation) as { set?: unknown; unset?: unknown };
    if (!isFields(set) || !Array.isArray(unset) || !unset.every((name) => typeof name === "string")) return undefined;
    return { set, unset };
  } catch {
    return undefined; // somebody else's writing
  }
}
