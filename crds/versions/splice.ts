/**
 * Changes the text of a YAML document only where its value changes, so that everything else stays as its author wrote it. Where that
 * cannot be done it gives up, and whoever asks compares what came out anyway.
 */
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  Scalar,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { yamlOptions } from "../documents.ts";
import { fieldChanges } from "./field-changes.ts";
import { type Fields, has, isEqual, isFields } from "./json.ts";

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

class GaveUp extends Error {}

/** The text with `before`, its value, changed to `after`; undefined where only the whole document could be written anew. */
export function splice(text: string, document: Document, before: unknown, after: unknown): string | undefined {
  const edits: Edit[] = [];
  try {
    change(createContext(text, edits), document.contents, before, after);
  } catch (error) {
    if (error instanceof GaveUp) return undefined;
    throw error;
  }
  edits.sort((a, b) => b.from - a.from);
  return edits.reduce((now, { from, to, text: put }) => now.slice(0, from) + put + now.slice(to), text);
}

interface Context {
  readonly text: string;
  readonly replace: (from: number, to: number, text: string) => void;
  /** A value as block YAML, each line but the first at this column. */
  readonly render: (value: unknown, column: number) => string;
}

function createContext(text: string, edits: Edit[]): Context {
  const indent = /^\S[^\n]*:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*( +)[^\s#-]/m.exec(text)?.[1]?.length ?? 2;
  const indentSeq = !/^([ \t]*)[\w"'./-]+:[ \t]*(?:#.*)?\n\1- /m.test(text);
  const options = { ...yamlOptions, lineWidth: 0, indent, indentSeq, aliasDuplicateObjects: false } as const;
  return {
    text,
    replace: (from, to, put) => edits.push({ from, to, text: put }),
    render: (value, column) =>
      stringify(value, options)
        .trimEnd()
        .replaceAll(/\n(?=[^\n])/g, `\n${" ".repeat(column)}`),
  };
}

function change(context: Context, node: unknown, before: unknown, after: unknown): void {
  if (isEqual(before, after)) return;
  if (isMap(node) && isFields(before) && isFields(after)) return changeMap(context, node, before, after);
  if (isSeq(node) && Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return changeItems(context, node, before, after);
  }
  if (isScalar(node) && (typeof after !== "object" || after === null)) return changeScalar(context, node, after);
  throw new GaveUp();
}

/** Whether the change can be made inside of the node. */
function isInside(node: unknown, before: unknown, after: unknown): boolean {
  if (isEqual(before, after)) return true;
  if (isMap(node)) return isFields(after) && isFields(before);
  if (isSeq(node)) return Array.isArray(before) && Array.isArray(after) && before.length === after.length;
  return isScalar(node) && node.anchor === undefined && (typeof after !== "object" || after === null);
}

function changeScalar({ text, replace }: Context, node: Scalar, after: unknown): void {
  const [from, to] = rangeOf(node);
  const source = text.slice(from, to);
  if (node.type === Scalar.BLOCK_LITERAL && typeof after === "string") {
    const [header = "", ...lines] = source.split("\n");
    const margin = /^ */.exec(lines.find((line) => line.trim() !== "") ?? "")?.[0] ?? "";
    const body = after.split("\n").map((line) => (line === "" ? "" : margin + line));
    return replace(from, to, [header, ...body].join("\n"));
  }
  if (source.includes("\n")) throw new GaveUp();
  // A text stays in its quotes; what is none leaves them.
  if (node.type === Scalar.QUOTE_SINGLE && typeof after === "string")
    return replace(from, to, `'${after.replaceAll("'", "''")}'`);
  if (node.type === Scalar.QUOTE_DOUBLE && typeof after === "string") return replace(from, to, JSON.stringify(after));
  if (source === "") throw new GaveUp();
  replace(from, to, inline(after));
}

function inline(value: unknown): string {
  const text = stringify(value, { ...yamlOptions, lineWidth: 0 }).trimEnd();
  if (text.includes("\n")) throw new GaveUp();
  return text;
}

function changeItems(context: Context, seq: YAMLSeq, before: readonly unknown[], after: readonly unknown[]): void {
  seq.items.forEach((item, index) => {
    const [was, now] = [before[index], after[index]];
    if (isEqual(was, now)) return;
    if (isInside(item, was, now)) return change(context, item, was, now);
    const [from, to] = rangeOf(item);
    const text =
      seq.flow === true
        ? flow(now, context.text.slice(...rangeOf(seq)))
        : context.render(now, columnOf(context.text, from));
    context.replace(from, trimmedEnd(context.text, to), text);
  });
}

function changeMap(context: Context, map: YAMLMap, before: Fields, after: Fields): void {
  const { renames, fresh } = fieldChanges(before, after);
  const pairs = map.items.filter((pair) => isPair(pair));
  // A key of another form, or a merge (<<), is beyond us.
  if (pairs.some((pair) => !has(before, keyOf(pair)))) throw new GaveUp();
  const inPlace = pairs.every((pair) => {
    const key = keyOf(pair);
    return renames.has(key) || (has(after, key) && isInside(pair.value, before[key], after[key]));
  });
  if (map.flow === true && !(inPlace && fresh.length === 0)) return changeFlowMap(context, map, after);
  const [first] = pairs;
  if (first === undefined) throw new GaveUp();
  const column = columnOf(context.text, startOf(first));
  const freshLines = (): string =>
    fresh
      .splice(0)
      .map((key) => line(context, column, key, after[key]))
      .join("");
  for (const pair of pairs) {
    const key = keyOf(pair);
    const renamed = renames.get(key);
    if (renamed !== undefined) context.replace(...rangeOf(pair.key), inline(renamed));
    else if (has(after, key) && isInside(pair.value, before[key], after[key])) {
      change(context, pair.value, before[key], after[key]);
    } else if (has(after, key)) replacePair(context, pair, column, line(context, column, key, after[key]), true);
    else replacePair(context, pair, column, freshLines(), false);
  }
  if (fresh.length === 0) return;
  const end = endOfLine(context.text, trimmedEnd(context.text, endOf(pairs.at(-1))));
  const lines = freshLines();
  context.replace(end, end, context.text[end - 1] === "\n" ? lines : `\n${lines.trimEnd()}`);
}

function line({ render }: Context, column: number, key: string, value: unknown): string {
  return `${" ".repeat(column)}${render({ [key]: value }, column)}\n`;
}

/** Whole lines, so that the comment above the pair stays; the one behind it belongs to the field. */
function replacePair(
  { text, replace }: Context,
  pair: Pair,
  column: number,
  lines: string,
  isSameField: boolean,
): void {
  const start = startOf(pair);
  const end = trimmedEnd(text, endOf(pair));
  const stop = endOfLine(text, end);
  const comment = isSameField && isScalar(pair.value) ? (/^[ \t]+#[^\n]*/.exec(text.slice(end, stop))?.[0] ?? "") : "";
  const commented = lines === "" ? "" : lines.replace("\n", `${comment}\n`);
  const from = start - column;
  if (text.slice(from, start).trim() === "") return replace(from, stop, commented);
  // The first of a map that begins behind a dash: the dash stays.
  if (lines === "") throw new GaveUp();
  replace(start, stop, commented.slice(column));
}

function changeFlowMap({ text, replace }: Context, map: YAMLMap, after: Fields): void {
  const [from, to] = rangeOf(map);
  const source = text.slice(from, to);
  if (/[#\n&*]/.test(source)) throw new GaveUp();
  replace(from, to, flow(after, source));
}

/** In one line, padded as the text that it stands in or for. */
function flow(value: unknown, like: string): string {
  const options = { ...yamlOptions, lineWidth: 0, collectionStyle: "flow", aliasDuplicateObjects: false } as const;
  const isPadded = /^[[{]\s/.test(like) || !/^[[{]/.test(like);
  const padded = stringify(value, { ...options, flowCollectionPadding: isPadded }).trimEnd();
  if (padded.includes("\n")) throw new GaveUp();
  // Most people pad braces and not brackets.
  return isPadded && !/\[ /.test(like) ? padded.replaceAll("[ ", "[").replaceAll(" ]", "]") : padded;
}

function rangeOf(node: unknown): [number, number] {
  const range = typeof node === "object" && node !== null ? (node as { range?: unknown }).range : undefined;
  if (!Array.isArray(range)) throw new GaveUp();
  const [from, to] = range as number[];
  if (from === undefined || to === undefined) throw new GaveUp();
  return [from, to];
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function startOf(pair: Pair): number {
  return rangeOf(pair.key)[0];
}

function endOf(pair: Pair | undefined): number {
  if (pair === undefined) throw new GaveUp();
  return rangeOf(pair.value ?? pair.key)[1];
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

/** Ranges of block collections reach to the start of what follows. */
function trimmedEnd(text: string, to: number): number {
  return text.slice(0, to).trimEnd().length;
}

function endOfLine(text: string, offset: number): number {
  const found = text.indexOf("\n", offset);
  return found === -1 ? text.length : found + 1;
}
