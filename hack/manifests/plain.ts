import { isBlock, isPart, isScalar, type Part } from "./parts.ts";
import type { Values } from "./values.ts";

const nothing = Symbol("nothing");

/** The objects that there are with these values. */
export function resolved(objects: readonly unknown[], values: Values): readonly unknown[] {
  return objects.map((object) => resolve(object, values)).filter((object) => object !== nothing);
}

function resolve(node: unknown, values: Values): unknown {
  if (isPart(node)) return partOf(node, values);
  if (Array.isArray(node)) return node.flatMap((item: unknown) => itemsOf(item, values));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(Object.entries(node).flatMap(([key, child]) => entriesOf(key, child, values)));
}

function partOf(part: Part, values: Values): unknown {
  if (isScalar(part)) return part.plain(values);
  if (isBlock(part)) {
    const found = part.plain(values);
    const isEmpty = typeof found !== "object" || found === null || Object.keys(found).length === 0;
    return isEmpty ? nothing : found;
  }
  const chosen = part.condition.holds(values) ? part.then : part.otherwise;
  return chosen === undefined ? nothing : resolve(chosen, values);
}

/** Keys that begin with three dots stand for the entries of their value. */
function entriesOf(key: string, child: unknown, values: Values): readonly (readonly [string, unknown])[] {
  const found = resolve(child, values);
  if (found === nothing) return [];
  return key.startsWith("...") ? Object.entries(found as object) : [[key, found]];
}

/** A list within a list stands for its items. */
function itemsOf(item: unknown, values: Values): readonly unknown[] {
  const found = resolve(item, values);
  if (found === nothing) return [];
  return Array.isArray(found) ? (found as readonly unknown[]) : [found];
}
