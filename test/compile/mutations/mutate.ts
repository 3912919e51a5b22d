import { allows, type JsonSchema } from "../../../crds/json-schema.ts";
import type { Random } from "../../support/random.ts";
import { type Case, type Field, fieldsOf, type Raw } from "./corpus.ts";

export interface Mutation {
  /** What was done, for whoever reads a failure. */
  readonly what: string;
  /** The object as it was; undefined: it is new beside the others. */
  readonly before: Raw | undefined;
  readonly after: unknown;
  /** It cannot be right, so that somebody must be told of it: at this path, or above. */
  readonly wrong: Field["path"] | undefined;
}

export const strangeTexts: readonly string[] = [
  ...[
    "",
    " ",
    "\n",
    "a\nb",
    "a\r\nx-evil: 1",
    "\t",
    "\u0000",
    "\u007f",
    "é",
    "日本語.example",
    "🚀",
    "\ud800",
    "\u202e",
  ],
  ...["%", "%zz", "%41", "%2F", "%REQ(", "%REQ(x)%", "%START_TIME%", "%%", "$", "$HOME", "\\", "\\1", "\\9", '"', "'"],
  ...["*", "**", "*.*", "*.", ".*", "*example.com", "*.example.com", "example.*", "*.example.*", "a.*.b", "*:8080"],
  ...["(", ")", "[", "[a-", "a{1000}", "(a*)*", "(?i)x", "(?=x)", "(?P<n>x)", "\\d+", ".*?", "^$", "|", "(x{99}){9}"],
  ...["::1", "[::1]", "[::1]:8080", "fe80::1%eth0", "127.0.0.1", "0.0.0.0", "256.1.1.1", "1.2.3", "10.0.0.0/8", "::/0"],
  ...["a:0", "a:65535", "a:65536", "a:-1", "a:", ":80", "a:b", "a:8080", "A.Example.COM:443", "https://", "http://x/y"],
  ...["quote", "quote.default", "nowhere", "nowhere.nowhere:1", "x".repeat(63), "x".repeat(300), "/x".repeat(40)],
  ...["/", "//", "/..", "/a b", "/?q", "/#f", "/%2e%2e/", "?", "#", "/\u00e9", "/*", "/a/{b}", "/**"],
  ...["true", "null", "1", "-1", "3s", "0s", "-1s", "1e9s", "5m", "99999999999h", "NaN", "v1.2", "v9.9", "h2,http/1.1"],
  ...[":authority", ":method", ":path", "Host", "host", "connection", "x-a", "X_A", "x a", "content-length", "x:"],
  ...[
    "%REQ(a?b)%",
    "%REQ(a?b?c)%",
    "%START_TIME(%Q)%",
    "%FILTER_STATE(x:FOO)%",
    "%CEL((%",
    "%METADATA(X:y)%",
    "%TRAILER(x y)%",
  ],
  ...["TLS_RSA_WITH_FOO", "ALL:!RSA", "!ALL", "[AES128-SHA|AES256-SHA]", "x = 1", "x =", 'error("at the top")'],
  ...["__proto__", "constructor", "toString", "default", "ambassador", "_automatic_", "/dev/stdout", "/etc/passwd"],
];

const numbers = [0, -0, 1, -1, 2, 99, 100, 101, 443, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e308];
const others = [null, true, false, [], {}, [null], [[]], [{}], { a: 1 }, { name: "x" }, 1.5, -0.5, [""], ["x", "x"]];

/** A value out of nowhere, or one that stands somewhere else among the objects. */
export function strangeValue(random: Random, { objects }: Case): unknown {
  const roll = random.next();
  if (roll < 0.5) return random.pick(strangeTexts);
  if (roll < 0.65) return random.pick(numbers);
  if (roll < 0.8) return structuredClone(random.pick(others));
  const some = valuesOf(random.pick(objects));
  return some.length === 0 ? "" : structuredClone(random.pick(some).value);
}

interface Place {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** Every value of an object, inner nodes too, except what names it and its kind. */
function valuesOf(object: Raw): readonly Place[] {
  const places: Place[] = [];
  const walk = (value: unknown, path: Place["path"]): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      const at = [...path, Array.isArray(value) ? Number(key) : key];
      if (at[0] === "kind" || at[0] === "apiVersion") continue;
      places.push({ path: at, value: child });
      walk(child, at);
    }
  };
  walk(object, []);
  return places;
}

const remove = Symbol("remove");

/** The object with another value at a path, whose parents are made as it needs them. */
export function withValue(object: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const isParent = typeof object === "object" && object !== null;
  const copy: unknown = Array.isArray(object)
    ? [...(object as unknown[])]
    : isParent
      ? { ...object }
      : typeof step === "number"
        ? []
        : {};
  const fields = copy as Record<string | number, unknown>;
  const known = Object.hasOwn(fields, step) ? fields[step] : undefined;
  if (rest.length === 0 && value === remove) {
    if (Array.isArray(copy)) copy.splice(Number(step), 1);
    else Reflect.deleteProperty(fields, step);
  } else {
    const child = withValue(known, rest, value);
    Object.defineProperty(fields, step, { value: child, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

const typeNames = ["string", "integer", "boolean", "array", "object"] as const;
const samples = { string: "text", integer: 7, boolean: true, array: ["x"], object: { a: "x" } } as const;

/** Values of types that a field does not take. */
export function wrongValues(schema: JsonSchema): readonly unknown[] {
  // A number with a fraction is of no type that schemas here have; a field that takes anything takes that too.
  const takesAnything = typeNames.every((type) => allows(schema, type));
  if (takesAnything || allows(schema, "number")) return [];
  return typeNames.filter((type) => !allows(schema, type)).map((type) => structuredClone(samples[type]));
}

/** Values of the right type that are none of those listed, or outside of the range. */
export function outsideValues({ enum: allowed, minimum, maximum }: JsonSchema): readonly unknown[] {
  const values: unknown[] = [];
  if (allowed?.some((value) => typeof value === "string") === true) values.push("none-of-these");
  if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) values.push(minimum - 1);
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) values.push(maximum + 1);
  return values;
}

/** One object of a case, changed at random: by its schema, or blindly. */
export function mutate(random: Random, from: Case): Mutation {
  const before = random.pick(from.objects);
  const fields = fieldsOf(before);
  const roll = random.next();
  if (fields.length > 0 && roll < 0.25) return wrongBySchema(random, before, random.pick(fields));
  if (fields.length > 0 && roll < 0.55) return fieldBySchema(random, from, before, random.pick(fields));
  return blind(random, from, before);
}

function wrongBySchema(random: Random, before: Raw, { path, schema, required }: Field): Mutation {
  const bad = [...wrongValues(schema), ...outsideValues(schema)];
  if (required && random.chance(0.3)) {
    return { what: `without ${path.join(".")}`, before, after: withValue(before, path, remove), wrong: undefined };
  }
  if (bad.length === 0) return { what: "nothing", before, after: before, wrong: undefined };
  const value = random.pick(bad);
  // An id that is none makes it another gateway's object.
  const wrong = path.includes("ambassador_id") ? undefined : path;
  return { what: `${path.join(".")} = ${JSON.stringify(value)}`, before, after: withValue(before, path, value), wrong };
}

function fieldBySchema(random: Random, from: Case, before: Raw, { path, schema }: Field): Mutation {
  const value = valueFor(random, from, schema);
  const what = `${path.join(".")} = ${JSON.stringify(value)}`;
  return { what, before, after: withValue(before, path, value), wrong: undefined };
}

/** A value of the right type, which may still be nonsense. */
function valueFor(random: Random, from: Case, schema: JsonSchema, depth = 0): unknown {
  const form = schema.anyOf === undefined ? schema : random.pick(schema.anyOf);
  if (form.enum !== undefined) return random.pick(form.enum);
  const type = typeof form.type === "string" ? form.type : random.pick(form.type ?? ["string"]);
  switch (type) {
    case "integer":
    case "number":
      return random.pick([...numbers, form.minimum ?? 0, form.maximum ?? 1].filter((n) => Number.isInteger(n)));
    case "boolean":
      return random.chance(0.5);
    case "array":
      return Array.from({ length: random.integer(4) }, () => valueFor(random, from, form.items ?? {}, depth + 1));
    case "object": {
      if (depth > 4) return {};
      const of = form.additionalProperties;
      if (form.properties === undefined) {
        const names = Array.from({ length: random.integer(3) }, () => random.pick(strangeTexts));
        return Object.fromEntries(
          names.map((name) => [name, valueFor(random, from, typeof of === "object" ? of : {}, depth + 1)]),
        );
      }
      const kept = Object.entries(form.properties).filter(
        ([name]) => form.required?.includes(name) === true || random.chance(0.5),
      );
      return Object.fromEntries(kept.map(([name, child]) => [name, valueFor(random, from, child, depth + 1)]));
    }
    default: {
      const value = strangeValue(random, from);
      return typeof value === "string" ? value : random.pick(strangeTexts);
    }
  }
}

function blind(random: Random, from: Case, before: Raw): Mutation {
  const places = valuesOf(before);
  const { path, value } = random.pick(places);
  const at = path.join(".");
  const kind = random.integer(6);
  if (kind === 0) return { what: `without ${at}`, before, after: withValue(before, path, remove), wrong: undefined };
  if (kind === 1) {
    const name = `${before.metadata.name}-copy`;
    return {
      what: "a copy",
      before: undefined,
      after: withValue(before, ["metadata", "name"], name),
      wrong: undefined,
    };
  }
  if (kind === 2) {
    const donor = random.pick(from.objects);
    const after = { ...before, spec: structuredClone(donor["spec"]) };
    return { what: `the spec of ${donor.kind} ${donor.metadata.name}`, before, after, wrong: undefined };
  }
  if (kind === 3 && typeof value === "string") {
    const cut = random.integer(value.length + 1);
    const text = value.slice(0, cut) + random.pick(strangeTexts) + value.slice(cut);
    return { what: `${at} = ${JSON.stringify(text)}`, before, after: withValue(before, path, text), wrong: undefined };
  }
  const next = strangeValue(random, from);
  return { what: `${at} = ${JSON.stringify(next)}`, before, after: withValue(before, path, next), wrong: undefined };
}
