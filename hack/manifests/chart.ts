/** Objects with parts of values in them, as a template of the Helm chart. */
import { stringify } from "yaml";
import { yamlOptions } from "../../crds/documents.ts";
import { isBlock, isPart, isScalar, type Part } from "./parts.ts";

export function templateOf(objects: readonly unknown[]): string {
  return objects.map((object) => `${documentLines(object).join("\n")}\n`).join("");
}

function documentLines(object: unknown): readonly string[] {
  if (isPart(object)) return conditional(object, "", documentLines);
  return ["---", ...entriesOf(object as object, "")];
}

function conditional(part: Part, indent: string, linesOf: (node: unknown) => readonly string[]): readonly string[] {
  if (isScalar(part) || isBlock(part)) throw new Error("only what is under a condition may stand here");
  const { condition, then, otherwise } = part;
  return [
    `${indent}{{- if ${condition.chart.replace(/^\((.*)\)$/, "$1")} }}`,
    ...linesOf(then),
    ...(otherwise === undefined ? [] : [`${indent}{{- else }}`, ...linesOf(otherwise)]),
    `${indent}{{- end }}`,
  ];
}

function entriesOf(map: object, indent: string): readonly string[] {
  return Object.entries(map).flatMap(([key, child]) => entryOf(key, child, indent));
}

function entryOf(key: string, node: unknown, indent: string): readonly string[] {
  if (isPart(node)) {
    if (isScalar(node)) return [`${indent}${key}: {{ ${node.chart} }}`];
    if (!isBlock(node)) return conditional(node, indent, (child) => entryOf(key, child, indent));
    if (key.startsWith("...")) return blockOf(node, indent);
    return [
      `${indent}{{- with ${node.chart.expression} }}`,
      `${indent}${key}:`,
      ...inner(node, `${indent}  `),
      end(indent),
    ];
  }
  if (key.startsWith("...")) return entriesOf(node as object, indent);
  if (Array.isArray(node) && node.length > 0) {
    return [`${indent}${key}:`, ...node.flatMap((item: unknown) => itemOf(item, `${indent}  `))];
  }
  if (typeof node === "object" && node !== null && Object.keys(node).length > 0) {
    return [`${indent}${key}:`, ...entriesOf(node, `${indent}  `)];
  }
  return [`${indent}${key}: ${scalar(node)}`];
}

function itemOf(item: unknown, indent: string): readonly string[] {
  if (isPart(item)) {
    if (isScalar(item)) return [`${indent}- {{ ${item.chart} }}`];
    if (isBlock(item)) return blockOf(item, indent);
    return conditional(item, indent, (child) =>
      (Array.isArray(child) ? child : [child]).flatMap((each) => itemOf(each, indent)),
    );
  }
  if (typeof item !== "object" || item === null) return [`${indent}- ${scalar(item)}`];
  const [first = "", ...rest] = entriesOf(item, `${indent}  `);
  if (first.trimStart().startsWith("{{")) throw new Error("the first key of an item of a list is always there");
  return [`${indent}- ${first.trimStart()}`, ...rest];
}

/** Its entries or items, in those of what it stands in. */
function blockOf(node: Extract<Part, { chart: object }>, indent: string): readonly string[] {
  return [`${indent}{{- with ${node.chart.expression} }}`, ...inner(node, indent), end(indent)];
}

function inner({ chart }: Extract<Part, { chart: object }>, indent: string): readonly string[] {
  return [`${indent}{{- ${chart.isText === true ? "." : "toYaml ."} | nindent ${indent.length} }}`];
}

function end(indent: string): string {
  return `${indent}{{- end }}`;
}

/** Strings with an expression in them are in quotes: what Helm puts in its place, such as a namespace 1234567, stays text. */
function scalar(node: unknown): string {
  if (typeof node === "string" && node.includes("{{")) return quoted(node);
  return stringify(node, { ...yamlOptions, lineWidth: 0 }).trimEnd();
}

function quoted(text: string): string {
  const expressions = [...text.matchAll(expression)].map(([, each = ""]) => each);
  const format = text.replaceAll(expression, "%s");
  if (format === "%s") return `{{ ${expressions.join("")} | quote }}`;
  return `{{ printf ${JSON.stringify(format)} ${expressions.map(parenthesized).join(" ")} | quote }}`;
}

const expression = /\{\{ (.*?) \}\}/g;

function parenthesized(each: string): string {
  return each.includes(" ") ? `(${each})` : each;
}
