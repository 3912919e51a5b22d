import { type CustomKind, customKinds } from "../../capabilities/kinds.ts";
import { type Fields, isFields } from "../../crds/metadata.ts";
import { FatalError } from "../../runtime/fatal.ts";
import type { WatchedKind } from "../../runtime/informers/kind.ts";
import { type ConditionType, conditionTypes } from "../../status/conditions.ts";
import { type Condition, conditionsIn } from "../../status/status.ts";
import { exitCodes } from "../output/exit-codes.ts";

export interface Writer {
  out(text: string): void;
  error(text: string): void;
}

/** As it was written; or what would be, of which neither generation nor time is known. */
export type ShownCondition = Pick<Condition, "type" | "reason" | "message"> &
  Partial<Pick<Condition, "observedGeneration" | "lastTransitionTime">> & {
    readonly status: Condition["status"] | "Unknown";
  };

/** An object as commands show it. */
export interface ObjectStatus {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** Of its newest generation; one of an older generation says nothing of it. */
  readonly conditions: Readonly<Partial<Record<ConditionType, ShownCondition>>>;
}

/** With the object itself. */
export interface Found {
  readonly status: ObjectStatus;
  readonly raw: Fields;
}

/** `mapping/quote`, `mappings`, `Host/any`. @throws FatalError with the kinds that there are */
export function readObjectName(text: string): { readonly row: CustomKind; readonly name: string | undefined } {
  const [kind = "", ...rest] = text.split("/");
  const word = kind.toLowerCase();
  const row = customKinds.find((each) => [each.kind.toLowerCase(), each.plural, each.singular].includes(word));
  const name = rest.join("/");
  if (row === undefined || rest.length > 1 || (rest.length === 1 && name === "")) {
    const kinds = customKinds.map(({ singular }) => singular).join(", ");
    throw new FatalError(`${text}: write KIND or KIND/NAME, where KIND is one of ${kinds}`, exitCodes.usage);
  }
  return { row, name: rest.length === 0 ? undefined : name };
}

export function watchedKind({ kind, group, version, plural }: CustomKind): WatchedKind {
  return { kind, group, version, plural, namespaced: true };
}

/** @param raw as it is stored */
export function objectStatus({ kind, metadata: written, status }: Fields): ObjectStatus {
  const metadata = isFields(written) ? written : {};
  const generation = typeof metadata["generation"] === "number" ? metadata["generation"] : 0;
  const known = conditionsIn(isFields(status) ? status : undefined);
  const current = conditionTypes.flatMap((type) => {
    const condition = known.get(type);
    return condition?.observedGeneration === generation ? [[type, condition] as const] : [];
  });
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const { namespace, name } = metadata;
  return {
    kind: text(kind),
    namespace: text(namespace),
    name: text(name),
    generation,
    conditions: Object.fromEntries(current),
  };
}

/** It is live; or where nobody serves it, nothing speaks against that it would be. */
export function isWell(object: ObjectStatus): boolean {
  const { Programmed: programmed } = object.conditions;
  return programmed !== undefined && reasonOf(object) === undefined;
}

/** Why an object is not live, in a line; undefined: it is, or it is for another gateway. */
export function reasonOf({ conditions, generation }: ObjectStatus): string | undefined {
  const failed = conditionTypes.map((type) => conditions[type]).find((each) => each?.status === "False");
  if (failed !== undefined) return `${failed.reason}: ${failed.message}`;
  return conditions.Programmed === undefined ? `no gateway has judged its generation ${generation} yet` : undefined;
}
