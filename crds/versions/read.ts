/** Manifests of v1 and v2: what the parser sees is v3alpha1, and what people see are their own words. */
import type { Origin } from "../../ir/problem.ts";
import { group, version as current } from "../common.ts";
import { convert, isOlder, pathAsWritten } from "./convert.ts";
import type { Fields } from "./json.ts";
import type { Note } from "./step.ts";

export interface Older {
  readonly object: Fields;
  readonly origin: Origin | undefined;
  /** Their paths are from the object's root. */
  readonly notes: readonly Note[];
}

/** Undefined for an object of a version that is read as it is, or that nobody can convert. */
export function readOlder(raw: Fields, origin: Origin | undefined): Older | undefined {
  if (!isOlder(raw)) return undefined;
  const converted = convert(raw, `${group}/${current}`, { remembering: false });
  if (!converted.ok) return undefined;
  const written: Origin["written"] = {
    version: String(raw["apiVersion"]).slice(group.length + 1),
    path: (path) => pathAsWritten(raw, path),
  };
  return {
    object: converted.object,
    notes: converted.notes.map((note) => ({ ...note, path: ["spec", ...note.path] })),
    origin: origin && {
      file: origin.file,
      // Both are looked up only when somebody asks: the text is parsed again for it.
      get line() {
        return origin.line;
      },
      lineOf: (path) => origin.lineOf(pathAsWritten(raw, path)),
      written,
    },
  };
}

/** Versions of our group that were before v3alpha1. */
export function isOldVersion(version: string): boolean {
  return version === "v2" || version === "v1" || version === "v0";
}
