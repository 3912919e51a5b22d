/** What serves in place of objects in quarantine, as far as gateways have left it where it can be read. */
import { type QuarantineRecord, readRecord } from "../../compile/record.ts";
import type { Refusal } from "../../compile/refusal.ts";
import type { Fields } from "../../crds/metadata.ts";
import { type AnyResource, type Resources, sortResources } from "../../crds/resources.ts";
import { formatObject, type ObjectRef } from "../../ir/problem.ts";
import { keptMessage } from "../../status/conditions.ts";
import { objectStatus } from "../status/objects.ts";
import type { Served, State } from "./state.ts";

/** @param objects as they are stored, with their status */
export function servedOf(records: readonly QuarantineRecord[], objects: readonly Fields[]): Served {
  const known = new Set(records.map(({ object }) => formatObject(object)));
  const unseen = objects.flatMap((raw): readonly ObjectRef[] => {
    const { kind, namespace, name, conditions } = objectStatus(raw);
    const object = { kind, namespace, name };
    const isKept = conditions.Programmed?.message.startsWith(keptMessage) === true;
    return isKept && !known.has(formatObject(object)) ? [object] : [];
  });
  return { kept: records.flatMap((record) => readRecord(record) ?? []), unseen };
}

/** What is in force before anything is compiled: the last good forms; undefined where none is known. */
export function inForceOf({ served }: State): Resources | undefined {
  const forms = (served?.kept ?? []).flatMap(({ form }): readonly AnyResource[] => (form === undefined ? [] : [form]));
  return forms.length === 0 ? undefined : sortResources(forms).value;
}

/** What Envoys have refused of objects, as gateways know it. */
export function refusalsOf({ served }: State): readonly Refusal[] {
  return (served?.kept ?? []).flatMap(({ refusals }) => refusals);
}

const MOST_NAMES = 5;

/** What is to be said beside an answer that such objects may change; undefined: nothing. */
export function unseenNote({ served }: State): string | undefined {
  const unseen = served?.unseen ?? [];
  if (unseen.length === 0) return undefined;
  const more = unseen.length - MOST_NAMES;
  const names = [...unseen.slice(0, MOST_NAMES).map(formatObject), ...(more > 0 ? [`${more} more`] : [])];
  return `note: a last good version serves for ${names.join(", ")}, which gateways have in memory alone: what is told here is without it`;
}
