/** Objects in a text of manifests, changed one by one: text in, text out. What is not changed stays as it is, to the byte. */
import { type Document, type Node, parseAllDocuments } from "yaml";
import { countLines, type Part, reasonOf, split, yamlOptions } from "../documents.ts";
import { edit } from "./edit.ts";
import { type Fields, isEqual, isFields, withField } from "./json.ts";
import { splice } from "./splice.ts";

export interface Finding {
  /** 1-based, in the text that was given. */
  readonly line: number;
  /** `Mapping default/quote` */
  readonly object: string;
  readonly what: string;
}

export interface Rewritten {
  /** The text as it was, to the byte, where nothing is to be rewritten. */
  readonly text: string;
  readonly rewritten: readonly Finding[];
  /** What had to stay as it is, and why. */
  readonly failed: readonly Finding[];
  readonly objects: number;
}

export interface Notes {
  rewritten(object: string, what: string): void;
  failed(object: string, what: string): void;
}

/** An object as it is to be; the very same where nothing is to be changed. Items of a List come one by one. */
export type RewriteObject = (raw: Fields, notes: Notes) => Fields;

export function rewriteObjects(text: string, rewrite: RewriteObject): Rewritten {
  const rewritten: Finding[] = [];
  const failed: Finding[] = [];
  let objects = 0;
  const parts = split(text).map((part) => {
    const line = firstLine(part);
    const done = rewritePart(part.text, rewrite);
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

function rewritePart(text: string, rewrite: RewriteObject): PartDone {
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
  const wanted = raws.map((raw) => rewriteValue(raw, rewrite, notes));
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

export function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    return undefined;
  }
}

/** The text of a document with another value; undefined when what comes out would not be what was wanted. */
export function write(body: string, before: unknown, after: unknown): string | undefined {
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

function rewriteValue(raw: unknown, rewrite: RewriteObject, notes: Notes): unknown {
  const items = itemsOf(raw);
  if (items !== undefined && isFields(raw))
    return withField(
      raw,
      "items",
      items.map((item) => rewriteValue(item, rewrite, notes)),
    );
  return isFields(raw) ? rewrite(raw, notes) : raw;
}

/** `Mapping default/quote` */
export function nameOf({ kind, metadata, name, namespace }: Fields): string {
  const meta = isFields(metadata) ? metadata : { name, namespace };
  return `${String(kind)} ${String(meta["namespace"] ?? "default")}/${String(meta["name"] ?? "(no name)")}`;
}
