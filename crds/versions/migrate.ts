/** Manifests of v1, v2 and with deprecated spellings, rewritten as today's v3alpha1: text in, text out. */
import { type Document, type Node, parseAllDocuments } from "yaml";
import type { PathStep } from "../../ir/problem.ts";
import { group, version as current } from "../common.ts";
import { countLines, type Part, reasonOf, split, yamlOptions } from "../documents.ts";
import { convert, isOlder } from "./convert.ts";
import { edit } from "./edit.ts";
import { type Fields, fromEntries, has, isEqual, isFields, withField, without } from "./json.ts";
import { versionedKinds } from "./kinds.ts";
import { modernSpec, withoutV2 } from "./modern.ts";
import { splice } from "./splice.ts";

export interface Finding {
  /** 1-based, in the text that was given. */
  readonly line: number;
  /** `Mapping default/quote` */
  readonly object: string;
  readonly what: string;
}

export interface Migration {
  /** The text as it was, to the byte, where nothing is to be rewritten. */
  readonly text: string;
  readonly rewritten: readonly Finding[];
  /** What had to stay as it is, and why. */
  readonly failed: readonly Finding[];
  readonly objects: number;
}

interface Notes {
  rewritten(object: string, what: string, path?: readonly PathStep[]): void;
  failed(object: string, what: string): void;
}

const configAnnotation = "getambassador.io/config";

export function migrate(text: string): Migration {
  const rewritten: Finding[] = [];
  const failed: Finding[] = [];
  let objects = 0;
  const parts = split(text).map((part) => {
    const line = firstLine(part);
    const done = migratePart(part.text);
    objects += done.objects;
    rewritten.push(...done.rewritten.map((each) => ({ line, ...each })));
    failed.push(...done.failed.map((each) => ({ line, ...each })));
    return done.text;
  });
  return { text: parts.join(""), rewritten, failed, objects };
}

function firstLine({ text, line }: Part): number {
  const blank = /^(?:---[^\S\n]*\n|[^\S\n]*(?:#[^\n]*)?\n)*/.exec(text)?.[0] ?? "";
  return line + countLines(blank);
}

type Said = Omit<Finding, "line">;

interface PartDone {
  readonly text: string;
  readonly rewritten: readonly Said[];
  readonly failed: readonly Said[];
  readonly objects: number;
}

function migratePart(text: string): PartDone {
  const marker = /^---[^\S\n]*\n/.exec(text)?.[0] ?? "";
  const body = text.slice(marker.length);
  const same = (...failed: Said[]): PartDone => ({ text, rewritten: [], failed, objects: 0 });
  const parsed = parseAllDocuments(body, yamlOptions);
  const documents: readonly Document[] = Array.isArray(parsed) ? parsed : [];
  const [document] = documents;
  if (document === undefined) return same();
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken !== undefined) return same({ object: "document", what: `is not valid YAML: ${reasonOf(broken, body)}` });
  const raws = documents.map((each) => valueOf(each));
  const rewritten: Said[] = [];
  const failed: Said[] = [];
  const notes: Notes = {
    rewritten: (object, what) => rewritten.push({ object, what }),
    failed: (object, what) => failed.push({ object, what }),
  };
  const wanted = raws.map((raw) => migrateValue(raw, notes));
  const objects = raws.reduce<number>((sum, raw) => sum + (itemsOf(raw)?.length ?? (isFields(raw) ? 1 : 0)), 0);
  if (isEqual(raws, wanted)) return { text, rewritten: [], failed, objects };
  const written = documents.length > 1 ? undefined : write(body, raws[0], wanted[0]);
  if (written !== undefined) return { text: marker + written, rewritten, failed, objects };
  const why = documents.length > 1 ? "several documents end in ... here" : "its anchors and aliases stand in the way";
  return {
    text,
    rewritten: [],
    failed: [
      ...failed,
      ...rewritten.map(({ object }) => ({ object, what: `was left as it is: ${why}; rewrite it by hand` })),
    ],
    objects,
  };
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    return undefined;
  }
}

/** Undefined when what comes out would not be what was wanted. */
function write(body: string, before: unknown, after: unknown): string | undefined {
  const plain = body.replaceAll("\r\n", "\n");
  const fresh = (): Document => (parseAllDocuments(plain, yamlOptions) as Document[])[0] as Document;
  const ways = isJson(plain)
    ? [() => JSON.stringify(after, undefined, jsonIndent(plain)) + (/\n*$/.exec(plain)?.[0] ?? "")]
    : [() => splice(plain, fresh(), before, after), () => wholeText(fresh(), before, after)];
  for (const way of ways) {
    const text = way();
    if (text === undefined || !reads(text, after)) continue;
    return plain === body ? text : text.replaceAll("\n", "\r\n");
  }
  return undefined;
}

function reads(text: string, wanted: unknown): boolean {
  const again = parseAllDocuments(text, yamlOptions) as Document[];
  return again.length === 1 && again[0]?.errors.length === 0 && isEqual(valueOf(again[0]), wanted);
}

function isJson(body: string): boolean {
  if (!body.trimStart().startsWith("{")) return false;
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}

function jsonIndent(body: string): string | number {
  return /^\{\r?\n([ \t]+)/.exec(body.trimStart())?.[1] ?? 0;
}

/** The whole document written anew: its comments stay, its layout does not. */
function wholeText(document: Document, before: unknown, after: unknown): string | undefined {
  try {
    document.contents = edit(document, document.contents, before, after) as Node;
    return document.toString({ lineWidth: 0 });
  } catch {
    return undefined; // an alias whose anchor went
  }
}

function itemsOf(raw: unknown): readonly unknown[] | undefined {
  if (!isFields(raw)) return undefined;
  const { kind, items } = raw;
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) ? items : undefined;
}

function migrateValue(raw: unknown, notes: Notes): unknown {
  const items = itemsOf(raw);
  if (items !== undefined && isFields(raw))
    return withField(
      raw,
      "items",
      items.map((item) => migrateValue(item, notes)),
    );
  if (!isFields(raw)) return raw;
  const { apiVersion, kind } = raw;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return raw;
  if (apiVersion.startsWith(`${group}/`)) return migrateObject(raw, notes);
  return kind === "Service" || kind === "Ingress" ? migrateAnnotation(raw, notes) : raw;
}

function nameOf({ kind, metadata, name, namespace }: Fields): string {
  const meta = isFields(metadata) ? metadata : { name, namespace };
  return `${String(kind)} ${String(meta["namespace"] ?? "default")}/${String(meta["name"] ?? "(no name)")}`;
}

const today = `${group}/${current}`;

function migrateObject(raw: Fields, notes: Notes): Fields {
  const object = nameOf(raw);
  const version = String(raw["apiVersion"]).slice(group.length + 1);
  const converted = isOlder(raw) ? convert(raw, today, { remembering: false }) : undefined;
  if (converted?.ok === false || (converted === undefined && /^v[012]$/.test(version))) {
    const why = converted === undefined ? unreadable(String(raw["kind"]), version) : converted.message;
    notes.failed(object, `was left as it is: ${why}`);
    return raw;
  }
  for (const { path, message } of converted?.notes ?? [])
    notes.failed(object, `${path.join(".")} ${message}: it is left out`);
  const now = converted?.object ?? raw;
  const spec = now["spec"];
  if (!isFields(spec)) {
    if (converted !== undefined) notes.rewritten(object, `${version} -> ${current}`);
    return now;
  }
  const modern = modernSpec(String(raw["kind"]), converted === undefined ? spec : withoutV2(spec));
  const what = [...(converted === undefined ? [] : [`${version} -> ${current}`]), ...modern.changes];
  if (what.length > 0) notes.rewritten(object, what.join("; "));
  return withField(now, "spec", modern.spec);
}

function unreadable(kind: string, version: string): string {
  const row = versionedKinds.get(kind);
  if (row === undefined) return `${kind} is no kind that is known here`;
  const [oldest] = row.older;
  const advice = version === "v0" && oldest !== undefined ? `; write ${oldest}, and rewrite that` : "";
  return `there is no ${kind} in ${version}${advice}`;
}

/** Resources in an annotation: whole ones, or with all their fields at the top. Source: Emissary pkg/snapshot/v1 annotations. */
function migrateAnnotation(raw: Fields, notes: Notes): Fields {
  const metadata = raw["metadata"];
  const annotations = isFields(metadata) ? metadata["annotations"] : undefined;
  if (!isFields(metadata) || !isFields(annotations)) return raw;
  const text = annotations[configAnnotation];
  if (typeof text !== "string") return raw;
  const owner = nameOf(raw);
  const inside: Notes = {
    rewritten: (object, what) => notes.rewritten(`${owner}, annotation: ${object}`, what),
    failed: (object, what) => notes.failed(`${owner}, annotation: ${object}`, what),
  };
  const done = split(text)
    .map((part) => migrateConfig(part.text, inside))
    .join("");
  return withField(raw, "metadata", withField(metadata, "annotations", withField(annotations, configAnnotation, done)));
}

function migrateConfig(text: string, notes: Notes): string {
  const marker = /^---[^\S\n]*\n/.exec(text)?.[0] ?? "";
  const body = text.slice(marker.length);
  const documents = parseAllDocuments(body, yamlOptions) as Document[];
  const [document] = documents;
  if (document === undefined) return text;
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken !== undefined || documents.length > 1) {
    const reason = broken === undefined ? "several documents end in ... here" : reasonOf(broken, body);
    notes.failed("document", `is not valid YAML: ${reason}`);
    return text;
  }
  const raw = valueOf(document);
  if (!isFields(raw)) return text;
  const wanted = migrateFlat(raw, notes);
  if (isEqual(raw, wanted)) return text;
  const written = write(body, raw, wanted);
  if (written === undefined) notes.failed(nameOf(raw), "was left as it is: its anchors and aliases stand in the way");
  return written === undefined ? text : marker + written;
}

const ownFields = ["apiVersion", "kind", "name", "namespace", "generation", "metadata_labels"];

function migrateFlat(written: Fields, notes: Notes): Fields {
  const { apiVersion } = written;
  if (typeof apiVersion !== "string") return written;
  const grouped = apiVersion.replace(/^ambassador\//, `${group}/`);
  if (!grouped.startsWith(`${group}/`)) return written;
  const raw = withField(written, "apiVersion", grouped);
  const alias = grouped === apiVersion ? [] : [`${apiVersion} -> ${grouped}`];
  if (has(raw, "spec") || isFields(raw["metadata"])) {
    const done = migrateObject(raw, notes);
    if (alias.length > 0 && done === raw && grouped === today) notes.rewritten(nameOf(raw), alias.join());
    return done === raw && grouped !== today ? written : done;
  }
  const { name, namespace, kind } = raw;
  const spec = without(raw, ...ownFields);
  const whole = {
    apiVersion: grouped,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec,
  };
  const done = migrateObject(whole, notes);
  if (done === whole || !isFields(done["spec"])) return grouped === today && alias.length > 0 ? raw : written;
  const own = Object.entries(raw).filter(([key]) => ownFields.includes(key));
  return fromEntries([
    ...own.map(([key, value]): [string, unknown] => [key, key === "apiVersion" ? today : value]),
    ...Object.entries(done["spec"]),
  ]);
}
