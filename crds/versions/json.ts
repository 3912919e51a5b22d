/** Small tools for JSON values that nobody has parsed yet. Nothing that comes in is changed. */
import { type Fields, isFields } from "../metadata.ts";

export type { Fields };
export { isFields };

/** `in` would also find `toString` and `__proto__`, which are names like any other in a manifest. */
export function has(fields: object, key: PropertyKey): boolean {
  return Object.hasOwn(fields, key);
}

export function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isFields(a) || !isFields(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => has(b, key) && isEqual(a[key], b[key]));
}

export function without(fields: Fields, ...keys: readonly string[]): Fields {
  if (!keys.some((key) => has(fields, key))) return fields;
  return fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key)));
}

/** `undefined` takes the field out. A field that is there keeps its place. */
export function withField(fields: Fields, key: string, value: unknown): Fields {
  if (value === undefined) return without(fields, key);
  if (fields[key] === value && has(fields, key)) return fields;
  if (!has(fields, key)) return fromEntries([...Object.entries(fields), [key, value]]);
  return fromEntries(Object.entries(fields).map(([name, each]) => [name, name === key ? value : each]));
}

/** In its place. */
export function renamed(fields: Fields, from: string, to: string): Fields {
  if (!has(fields, from)) return fields;
  return fromEntries(Object.entries(fields).map(([key, value]) => [key === from ? to : key, value]));
}

/** Every value of a map replaced; anything else comes back as it is. */
export function mapValues(value: unknown, change: (value: unknown) => unknown): unknown {
  if (!isFields(value)) return value;
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [key, change(each)]);
  return entries.every(([key, each]) => each === value[key]) ? value : fromEntries(entries);
}

export function mapItems(value: unknown, change: (item: unknown) => unknown): unknown {
  if (!Array.isArray(value)) return value;
  const items = value.map(change);
  return items.every((item, index) => item === value[index]) ? value : items;
}

/** Also of a key named `__proto__`, which an assignment would lose. */
export function fromEntries(entries: readonly (readonly [string, unknown])[]): Fields {
  return Object.fromEntries(entries);
}
