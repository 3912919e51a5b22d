/** What is written down of an object in quarantine, so that a process that starts later serves its last good form, and never what was refused. */
import { z } from "zod";
import { manifestOf } from "../crds/manifest.ts";
import { parseResource } from "../crds/parse.ts";
import type { AnyResource } from "../crds/resources.ts";
import { formatObject, formatPath, problemCodes, type Within } from "../ir/problem.ts";
import { hasError } from "../ir/resource.ts";
import { fields } from "./store.ts";
import type { Quarantined } from "./last-good.ts";
import { contentOf, type Refusal } from "./refusal.ts";

const name = z.object({ kind: z.string(), namespace: z.string(), name: z.string() });

const recordSchema = z.object({
  /** Of this form of records. */
  version: z.literal(1),
  object: name,
  /** The object that it is written in, and its place there. */
  within: name.extend({ place: z.string() }).optional(),
  /** As a manifest; absent when it never was in force. */
  lastGood: z.record(z.string(), z.unknown()).optional(),
  /** Contents that must not be served, though the compiler finds nothing wrong with them. */
  refused: z.array(
    z.object({
      content: z.string(),
      code: z.enum(problemCodes),
      path: z.array(z.union([z.string(), z.number()])),
      message: z.string(),
      advice: z.string(),
    }),
  ),
});

export type QuarantineRecord = z.output<typeof recordSchema>;

/**
 * Undefined where there is nothing to write down: an object that never served and that every compile finds bad, one that serves
 * as it is, and Secrets. Their last good form is kept in memory alone: it would put another namespace's private key into ours,
 * where others may read it, and one that its owner has replaced, for a reason that we do not know.
 */
export function recordOf({ object, serving, refusals: all }: Quarantined): QuarantineRecord | undefined {
  // Who is only held back has not been found guilty, and is tried by whoever comes next.
  const refusals = all.filter(({ isHeld }) => isHeld !== true);
  const good = serving === undefined || serving === object || hasError(serving) ? undefined : serving;
  if (object.kind === "Secret" || (good === undefined && refusals.length === 0)) return undefined;
  const lastGood = good === undefined ? undefined : manifestOf(good);
  // What would be read as something else is not written down.
  if (lastGood !== undefined && good !== undefined && !isReadAs(lastGood, good)) return undefined;
  const bearer = object.within?.object;
  return {
    version: 1,
    object: nameOf(object),
    ...(bearer === undefined ? {} : { within: { ...nameOf(bearer), place: object.within?.place ?? "" } }),
    ...(lastGood === undefined ? {} : { lastGood }),
    refused: refusals.map(({ content, code, path, message, advice }) => ({
      content,
      code,
      path: [...path],
      message,
      advice,
    })),
  };
}

export interface Remembered {
  readonly refusals: readonly Refusal[];
  /** The last good form; undefined when there is none. */
  readonly form: AnyResource | undefined;
}

/** Undefined for what is no record, or one of another version. */
export function readRecord(written: unknown): (Remembered & { readonly record: QuarantineRecord }) | undefined {
  const parsed = recordSchema.safeParse(written);
  if (!parsed.success || !Object.hasOwn(fields, parsed.data.object.kind)) return undefined;
  const record = parsed.data;
  const { resource } = record.lastGood === undefined ? {} : parseResource(record.lastGood);
  const isIt = resource !== undefined && !hasError(resource) && formatObject(resource) === formatObject(record.object);
  const form = isIt ? Object.freeze({ ...resource, ...placeOf(record) }) : undefined;
  const refusals = record.refused.map((said) => ({ ...said, object: record.object, instead: form }));
  return { record, refusals, form };
}

function placeOf({ within }: QuarantineRecord): { readonly within?: Within } {
  if (within === undefined) return {};
  const { place, ...object } = within;
  // Where in its bearer the form stood is not known any more.
  const tell: Within["tell"] = ({ path, message, advice }) => ({
    path: [],
    message: `${formatPath(path)}: ${message}`,
    advice,
  });
  return { within: { object, place, tell } };
}

function isReadAs(manifest: Readonly<Record<string, unknown>>, good: AnyResource): boolean {
  const { resource } = parseResource(JSON.parse(JSON.stringify(manifest)));
  return resource !== undefined && contentOf(resource) === contentOf(good);
}

function nameOf({ kind, namespace, name }: { kind: string; namespace: string; name: string }) {
  return { kind, namespace, name };
}
