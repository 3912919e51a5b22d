/** Files to raw objects: YAML with several documents, JSON and Lists. A broken document costs only itself. */
import {
  Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLParseError,
} from "yaml";
import type { Origin, PathStep, Problem } from "../ir/problem.ts";

export interface RawDocument {
  readonly raw: unknown;
  readonly origin: Origin;
}

export interface Documents {
  readonly documents: readonly RawDocument[];
  readonly problems: readonly Problem[];
}

/**
 * As kubectl reads YAML: version 1.1, where on and yes are booleans and 0777 is octal, but without its dates, base 60
 * numbers, sets and ordered maps. Source: sigs.k8s.io/yaml, whose goyaml.v2 resolves so.
 */
export const yamlOptions = {
  version: "1.1",
  prettyErrors: false,
  customTags: (tags: unknown[]) => tags.filter((tag) => !notInKubectl.has(tagName(tag))) as never,
} as const;

const notInKubectl = new Set(["timestamp", "intTime", "floatTime", "set", "omap", "pairs"]);

function tagName(tag: unknown): string {
  if (typeof tag === "string") return tag;
  if (typeof tag !== "object" || tag === null) return "";
  const { format, tag: uri } = tag as { format?: unknown; tag?: unknown };
  if (format === "TIME") return "intTime";
  return String(uri).replace("tag:yaml.org,2002:", "");
}

export function parseDocuments(text: string, file: string): Documents {
  const documents: RawDocument[] = [];
  const problems: Problem[] = [];
  for (const part of split(text)) {
    const read = readPart(part, file);
    for (const value of read.values) documents.push(...flatten(value, part, file));
    problems.push(...read.problems);
  }
  return { documents, problems };
}

/** A document of a text that is no file, or why it is none; `line` is that of the text. */
export type TextDocument =
  | { readonly ok: true; readonly raw: unknown }
  | { readonly ok: false; readonly line: number; readonly reason: string };

/** Documents that hold nothing are left out. */
export function documentsOf(text: string): readonly TextDocument[] {
  return split(text).flatMap((part): TextDocument[] => {
    const { values, problems } = readPart(part, "");
    const bad = problems.map(({ object, message }): TextDocument => {
      return { ok: false, line: object.origin?.line ?? part.line, reason: message };
    });
    return [...values.map(({ raw }): TextDocument => ({ ok: true, raw })), ...bad];
  });
}

export interface Part {
  readonly text: string;
  /** 1-based line of the file at which the text starts. */
  readonly line: number;
}

/** At `---` at the start of a line, which YAML allows nowhere inside a document, not even in a block of text. */
export function split(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  let line = 1;
  const marker = /^---(?=[ \t\r\n]|$)/gm;
  for (let found = marker.exec(text); found !== null; found = marker.exec(text)) {
    const part = text.slice(from, found.index);
    parts.push({ text: part, line });
    line += countLines(part);
    from = found.index;
  }
  parts.push({ text: text.slice(from), line });
  return parts;
}

export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

interface PartValues {
  readonly values: readonly { readonly raw: unknown; readonly index: number }[];
  readonly problems: readonly Problem[];
}

function readPart(part: Part, file: string): PartValues {
  const body = part.text.replace(/^---/, "").trimStart();
  if (body.startsWith("{")) {
    try {
      return { values: [{ raw: JSON.parse(body), index: 0 }], problems: [] };
    } catch {
      // Not JSON; it may still be a YAML map in braces, and YAML's parser tells where the mistake is.
    }
  }
  const { documents, lines } = parseYaml(part.text);
  const values: { raw: unknown; index: number }[] = [];
  const problems: Problem[] = [];
  documents.forEach((document, index) => {
    const [error] = document.errors;
    if (error !== undefined) {
      problems.push(invalid(file, part.line + lines.linePos(error.pos[0]).line - 1, reasonOf(error, part.text)));
      return;
    }
    try {
      const raw: unknown = document.toJS({ maxAliasCount: 100 });
      if (raw !== null && raw !== undefined) values.push({ raw, index });
    } catch (error) {
      problems.push(invalid(file, firstLine(part), error instanceof Error ? error.message : String(error)));
    }
  });
  return { values, problems };
}

/** What the parser says, and what has most likely been forgotten. */
export function reasonOf({ code, message, pos: [start] }: YAMLParseError, text: string): string {
  const isSecondObject = code === "DUPLICATE_KEY" && /^(?:apiVersion|kind)\b/.test(text.slice(start));
  return isSecondObject ? `${message}; between two objects there must be a line with ---` : message;
}

/** Made once: of many small documents it would be a sixth of the work. */
const yamlSchema = new Document(null, yamlOptions).schema;

function parseYaml(text: string): { documents: readonly Document[]; lines: LineCounter } {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...yamlOptions, schema: yamlSchema, lineCounter: lines });
  return { documents: Array.isArray(documents) ? documents : [], lines };
}

function invalid(file: string, line: number, reason: string): Problem {
  const origin: Origin = { file, line, lineOf: () => line };
  return {
    code: "InvalidYaml",
    severity: "error",
    object: { kind: "File", namespace: "", name: file, origin },
    path: [],
    message: `not valid YAML: ${reason}`,
    advice: "the other documents of the file are used",
  };
}

/** The documents of a part, or the items of one that is a List. */
function flatten({ raw, index }: { raw: unknown; index: number }, part: Part, file: string): RawDocument[] {
  const locate = locator(part, index);
  const items = itemsOf(raw);
  if (items === undefined) return [{ raw, origin: originOf(file, firstLine(part), locate, []) }];
  return items.map((item, at) => ({ raw: item, origin: originOf(file, undefined, locate, ["items", at]) }));
}

function itemsOf(raw: unknown): readonly unknown[] | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const { kind, items } = raw as { kind?: unknown; items?: unknown };
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) ? items : undefined;
}

type Locate = (path: readonly PathStep[]) => number;

function originOf(file: string, line: number | undefined, locate: Locate, prefix: readonly PathStep[]): Origin {
  return {
    file,
    get line() {
      return line ?? locate(prefix);
    },
    lineOf: (path) => locate([...prefix, ...path]),
  };
}

function firstLine(part: Part): number {
  const blank = /^(?:---[^\S\n]*\n|[^\S\n]*(?:#[^\n]*)?\n)*/.exec(part.text)?.[0] ?? "";
  return part.line + countLines(blank);
}

/** Positions are not kept: the text is parsed again when somebody asks for a line, which only problems do. */
function locator(part: Part, index: number): Locate {
  let parsed: ReturnType<typeof parseYaml> | undefined;
  return (path) => {
    parsed ??= parseYaml(part.text);
    const offset = offsetOf(parsed.documents[index]?.contents, path);
    return offset === undefined ? firstLine(part) : part.line + parsed.lines.linePos(offset).line - 1;
  };
}

/** Offset of the key (or list item) at the path, or of the last step of it that is written. */
function offsetOf(contents: unknown, path: readonly PathStep[]): number | undefined {
  let node = contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isAlias(node)) return offset;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!isPair(pair)) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      node = node.items[step];
      if (node === undefined) return offset;
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
