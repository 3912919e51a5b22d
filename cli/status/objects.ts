import { type CustomKind, customKinds } from "../../capabilities/kinds.ts";
import { isFields } from "../../crds/metadata.ts";
import { FatalError } from "../../runtime/fatal.ts";
import type { WatchedKind } from "../../runtime/informers/kind.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";
import { type ConditionType, conditionTypes } from "../../status/conditions.ts";
import { type Condition, conditionsIn } from "../../status/status.ts";
import { exitCodes } from "../output/exit-codes.ts";

export interface Writer {
  out(text: string): void;
  error(text: string): void;
}

/** An object as commands show it. */
export interface ObjectStatus {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** Of its newest generation; one of an older generation says nothing of it. */
  readonly conditions: Readonly<Partial<Record<ConditionType, Condition>>>;
}

/** With the object itself. */
export interface Found {
  readonly status: ObjectStatus;
  readonly raw: RawObject;
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

export function objectStatus(kind: string, { metadata, status }: RawObject): ObjectStatus {
  const generation = typeof metadata["generation"] === "number" ? metadata["generation"] : 0;
  const known = conditionsIn(isFields(status) ? status : undefined);
  const current = conditionTypes.flatMap((type) => {
    const condition = known.get(type);
    return condition?.observedGeneration === generation ? [[type, condition] as const] : [];
  });
  const { namespace = "", name } = metadata;
  return { kind, namespace, name, generation, conditions: Object.fromEntries(current) };
}

/** Why an object is not live, in a line; undefined: it is. */
export function reasonOf({ conditions, generation }: ObjectStatus): string | undefined {
  const failed = conditionTypes.map((type) => conditions[type]).find((each) => each?.status === "False");
  if (failed !== undefined) return `${failed.reason}: ${failed.message}`;
  return conditions.Programmed === undefined ? `no gateway has judged its generation ${generation} yet` : undefined;
}
