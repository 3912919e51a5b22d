import type { PathStep } from "../../ir/problem.ts";
import { type Fields, has, isFields, mapItems, mapValues, renamed, withField, without } from "./json.ts";

/** What a person should hear of a conversion; the path is as they wrote it, below `spec`. */
export interface Note {
  readonly code: "UnknownField" | "IgnoredField";
  readonly path: readonly PathStep[];
  readonly message: string;
  readonly advice: string;
}

/**
 * One difference between v2 and v3alpha1, on a whole spec. `up` leads to v3alpha1, `down` to v2; each does nothing to what it
 * does not know: the schema of the version that is read says what is wrong with it.
 * Source of all of them: Emissary pkg/api/getambassador.io/v2/handwritten.conversion.go and the types beside it.
 */
export interface Step {
  readonly up: (spec: Fields, note: (note: Note) => void) => Fields;
  readonly down: (spec: Fields) => Fields;
  /** Where a field of v3alpha1 stands in a v2 spec; undefined: at the same path. Paths are below `spec`. */
  readonly written?: (path: readonly PathStep[], spec: Fields) => readonly PathStep[] | undefined;
}

/** A field that v2 has under another name. */
export function rename(v2Name: string, v3Name: string): Step {
  return {
    up: (spec, note) => renamed(unknownToV2(spec, v3Name, note, `write ${v2Name}`), v2Name, v3Name),
    down: (spec) => renamed(without(spec, v2Name), v3Name, v2Name),
    written: (path, spec) =>
      path[0] === v3Name && has(spec, v2Name) && !has(spec, v3Name) ? [v2Name, ...path.slice(1)] : undefined,
  };
}

/** The same one level deeper. */
export function renameInside(parent: string, v2Name: string, v3Name: string): Step {
  const inside = rename(v2Name, v3Name);
  return {
    up: (spec, note) => {
      const noteInside = (each: Note) => note({ ...each, path: [parent, ...each.path] });
      const child = spec[parent];
      return isFields(child) ? withField(spec, parent, inside.up(child, noteInside)) : spec;
    },
    down: (spec) => {
      const child = spec[parent];
      return isFields(child) ? withField(spec, parent, inside.down(child)) : spec;
    },
    written: (path, spec) => {
      const child = spec[parent];
      if (path[0] !== parent || !isFields(child)) return undefined;
      const found = inside.written?.(path.slice(1), child);
      return found === undefined ? undefined : [parent, ...found];
    },
  };
}

/** A field that v2 has no notion of: the API server drops it there, and so nothing may come of it. */
export function unknownToV2(spec: Fields, field: string, note: (note: Note) => void, advice: string): Fields {
  if (!has(spec, field)) return spec;
  note({
    code: "UnknownField",
    path: [field],
    message: "is not a field of v2 and has no effect",
    advice: `${advice}, or make it apiVersion: getambassador.io/v3alpha1`,
  });
  return without(spec, field);
}

/** v2 takes one string for a list of one. */
export function oneOrList(field: string): Step {
  return {
    up: (spec) => (typeof spec[field] === "string" ? withField(spec, field, [spec[field]]) : spec),
    down: (spec) => spec,
    written: (path, spec) => (path[0] === field && typeof spec[field] === "string" ? [field] : undefined),
  };
}

/** v2 takes `name: value` for `name: {value: value}`, and null for a header that is not added. */
export function addedHeaders(field: string): Step {
  return {
    up: (spec) => withField(spec, field, mapValues(spec[field], headerUp)),
    down: (spec) => withField(spec, field, mapValues(spec[field], headerDown)),
    written: (path, spec) => {
      const [first, name] = path;
      const map = spec[field];
      if (first !== field || path.length < 3 || typeof name !== "string" || !isFields(map)) return undefined;
      return isFields(map[name]) ? undefined : [field, name];
    },
  };
}

function headerUp(written: unknown): unknown {
  if (typeof written === "string") return { value: written, v2Representation: "string" };
  if (written === null) return { v2Representation: "null" };
  return isFields(written) ? without(written, "v2Representation") : written;
}

function headerDown(header: unknown): unknown {
  if (!isFields(header)) return header;
  const { value, append, v2Representation: how } = header;
  const bare = append === undefined || append === null;
  if (how === "string" && bare && typeof value === "string") return value;
  if (how === "null" && bare && (value ?? "") === "") return null;
  return without(header, "v2Representation");
}

/** Every label specifier of `labels`, which are lists in maps in lists in maps. */
export function eachLabel(labels: unknown, change: (label: unknown) => unknown): unknown {
  return mapValues(labels, (groups) =>
    mapItems(groups, (group) => mapValues(group, (list) => mapItems(list, (label) => change(label)))),
  );
}

/** null is Go's word for absent. */
export const withoutNulls: Step = {
  up: dropNulls,
  down: dropNulls,
};

function dropNulls(spec: Fields): Fields {
  return without(spec, ...Object.keys(spec).filter((key) => spec[key] === null));
}
