/** Last good forms, as a bundle has them. */
import { contentOf } from "../../compile/refusal.ts";
import type { QuarantineRecord } from "../../compile/record.ts";
import { findResource } from "../../compile/store.ts";
import { createExpander } from "../../compile/expand.ts";
import type { Fields } from "../../crds/metadata.ts";
import { parseResource } from "../../crds/parse.ts";
import { type AnyResource, sortResources } from "../../crds/resources.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { RedactTexts } from "./texts.ts";

export interface Redaction {
  /** The objects that the records are about, among others, as they were and as they are in the bundle. */
  readonly before: readonly Fields[];
  readonly after: readonly Fields[];
  readonly settings: CompileSettings;
  /** That of each record, in the bundle. */
  readonly lastGood: readonly (Fields | undefined)[];
  readonly texts: RedactTexts;
}

/**
 * A refused content is known by its hash. Redacted, an object has another one, by which who reads the bundle knows it again; what is
 * said of contents that are not there any more is left out, since a hash of a password may tell it.
 */
export function redactRecords(records: readonly QuarantineRecord[], redaction: Redaction): readonly QuarantineRecord[] {
  if (records.length === 0) return records;
  const [was, is] = [finder(redaction.before, redaction.settings), finder(redaction.after, redaction.settings)];
  return records.map((record, index): QuarantineRecord => {
    const lastGood = redaction.lastGood[index];
    const hashes = new Map([
      ...pairOf(was(record.object), is(record.object)),
      ...pairOf(parsed(record.lastGood), parsed(lastGood)),
    ]);
    const refused = record.refused.flatMap(({ content, ...said }) => {
      const now = hashes.get(content);
      return now === undefined ? [] : [{ content: now, ...redaction.texts(said) }];
    });
    return { ...record, ...(lastGood === undefined ? {} : { lastGood }), refused };
  });
}

function pairOf(was: AnyResource | undefined, is: AnyResource | undefined): readonly (readonly [string, string])[] {
  return was === undefined || is === undefined ? [] : [[contentOf(was), contentOf(is)]];
}

function parsed(manifest: unknown): AnyResource | undefined {
  return manifest === undefined ? undefined : parseResource(manifest).resource;
}

/** Objects within others among them. */
function finder(raws: readonly Fields[], settings: CompileSettings) {
  const resources = raws.map((raw) => parseResource(raw).resource).filter((each) => each !== undefined);
  const expanded = createExpander()(sortResources(resources).value, settings).resources;
  return ({ kind, namespace, name }: QuarantineRecord["object"]) =>
    findResource(expanded, { kind: kind as AnyResource["kind"], namespace, name });
}
