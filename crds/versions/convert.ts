/**
 * Objects of getambassador.io between v1, v2 and v3alpha1. What is converted is plain JSON, of any shape: what a field's schema
 * would refuse passes as it is, so that one odd object never stands in the way of reading all the others. Nothing throws.
 */
import type { PathStep } from "../../ir/problem.ts";
import { group, version as current } from "../common.ts";
import { type Fields, isEqual, isFields, withField, without } from "./json.ts";
import { oldVersions, specDown, specPathDown, specUp, type VersionedKind, versionedKinds } from "./kinds.ts";
import { recall, remember } from "./memory.ts";
import type { Note } from "./step.ts";

export const versionOrder = [...oldVersions, current] as const;
export type ApiVersion = (typeof versionOrder)[number];

export type Conversion =
  | { readonly ok: true; readonly object: Fields; readonly notes: readonly Note[] }
  | { readonly ok: false; readonly message: string };

/** Of the other version than that which the object is in. */
const annotationOf = { v2: "nuncio/v2-fields", v3alpha1: "nuncio/v3alpha1-fields" } as const;

/** What a round trip has put among an object's annotations. */
export const memoryAnnotations: readonly string[] = Object.values(annotationOf);

/**
 * The object in another version, `getambassador.io/v2` for example.
 * @param remembering whether an annotation keeps what that version has no word for; for what is to be converted back
 */
export function convert(raw: unknown, to: string, { remembering = true } = {}): Conversion {
  if (!isFields(raw)) return { ok: false, message: "it is not an object" };
  const { apiVersion, kind } = raw;
  const from = versionOf(apiVersion);
  if (from === undefined) return { ok: false, message: `${show(apiVersion)} is not a version of ${group}` };
  const wanted = versionOf(to);
  if (wanted === undefined) return { ok: false, message: `${show(to)} is not a version of ${group}` };
  const row = typeof kind === "string" ? versionedKinds.get(kind) : undefined;
  if (row === undefined) return { ok: false, message: `${show(kind)} is not a kind of ${group}` };
  for (const version of [from, wanted]) {
    if (!hasVersion(row, version)) return { ok: false, message: `there is no ${String(kind)} in ${version}` };
  }
  const renamed = { ...raw, apiVersion: `${group}/${wanted}` };
  const spec = raw["spec"];
  const isUp = from !== current && wanted === current;
  const isDown = from === current && wanted !== current;
  if (!isFields(spec) || !(isUp || isDown)) return { ok: true, object: renamed, notes: [] };
  const notes: Note[] = [];
  const natural = isUp ? specUp(row, spec, (note) => notes.push(note)) : specDown(row, spec);
  const back = (of: Fields): Fields => (isUp ? specDown(row, of) : specUp(row, of));
  const [left, reached] = isUp ? (["v2", "v3alpha1"] as const) : (["v3alpha1", "v2"] as const);
  const annotations = annotationsOf(raw);
  const made = recall(natural, annotations[annotationOf[reached]], (candidate) => isEqual(back(candidate), spec));
  const lost = remembering ? remember(spec, back(made)) : undefined;
  const kept = withField(without(annotations, annotationOf[reached]), annotationOf[left], lost);
  return { ok: true, object: withField(annotated(renamed, kept), "spec", made), notes };
}

function versionOf(apiVersion: unknown): ApiVersion | undefined {
  return versionOrder.find((version) => apiVersion === `${group}/${version}`);
}

function hasVersion({ older }: VersionedKind, version: ApiVersion): boolean {
  return version === current || older.includes(version);
}

function annotationsOf({ metadata }: Fields): Fields {
  const annotations = isFields(metadata) ? metadata["annotations"] : undefined;
  return isFields(annotations) ? annotations : {};
}

/** Without an empty map, which the API server has none of. */
function annotated(object: Fields, annotations: Fields): Fields {
  const { metadata } = object;
  if (!isFields(metadata) || isEqual(annotationsOf(object), annotations)) return object;
  const value = Object.keys(annotations).length === 0 ? undefined : annotations;
  return withField(object, "metadata", withField(metadata, "annotations", value));
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : value === undefined ? "nothing" : `a ${typeof value}`;
}

/** Whether this is an object of a version that v3alpha1 has replaced. */
export function isOlder(raw: unknown): raw is Fields {
  if (!isFields(raw)) return false;
  const version = versionOf(raw["apiVersion"]);
  const row = versionedKinds.get(String(raw["kind"]));
  return version !== undefined && version !== current && row !== undefined && hasVersion(row, version);
}

/** Where a field of the converted object stands in the object as it was written. */
export function pathAsWritten(raw: Fields, path: readonly PathStep[]): readonly PathStep[] {
  const row = versionedKinds.get(String(raw["kind"]));
  const spec = raw["spec"];
  if (row === undefined || path[0] !== "spec" || !isFields(spec)) return path;
  return ["spec", ...specPathDown(row, path.slice(1), spec)];
}
