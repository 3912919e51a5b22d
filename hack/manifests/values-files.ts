/** The values as the chart's users see them: values.yaml with comments, and a schema that refuses what is not there. */
import { stringify } from "yaml";
import { z } from "zod";
import { yamlOptions } from "../../crds/documents.ts";
import { refusedValues } from "./refused-values.ts";
import { defaults, valuesSchema } from "./values.ts";

export interface Schema {
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

export function isGroup(schema: Schema): boolean {
  return schema.properties !== undefined;
}

const width = 120;

export function schemaFile(): string {
  const { properties, ...schema } = valuesJsonSchema();
  const refused = Object.entries(refusedValues).map(([name, advice]) => [name, { description: `Refused: ${advice}.` }]);
  // Helm hands them to a chart within another one.
  const global = { type: "object", description: "Of a chart that holds this one; not read." };
  const enabled = { type: "boolean", description: "The condition of a chart that holds this one; not read." };
  const all = { ...schema, properties: { ...properties, global, enabled, ...Object.fromEntries(refused) } };
  return `${JSON.stringify(all, undefined, 2)}\n`;
}

/** As output: what has a default is always there, and one that is taken away with `null` is told as missing. */
export function valuesJsonSchema(): Schema {
  return z.toJSONSchema(valuesSchema, { io: "output", target: "draft-7" }) as Schema;
}

export function valuesFile(): string {
  return linesOf(valuesJsonSchema(), defaults, "")
    .map((line) => `${line}\n`)
    .join("");
}

function linesOf(schema: Schema, values: Readonly<Record<string, unknown>>, indent: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const comment = wrapped(child.description ?? "", width - indent.length - 2).map((line) => `${indent}# ${line}`);
    const found = values[key];
    const entry = isGroup(child)
      ? [`${indent}${key}:`, ...linesOf(child, found as Readonly<Record<string, unknown>>, `${indent}  `)]
      : entryOf(key, found).map((line) => indent + line);
    return [...comment, ...entry, ...(indent === "" ? [""] : [])];
  });
}

function entryOf(key: string, found: unknown): readonly string[] {
  return stringify({ [key]: found ?? null }, { ...yamlOptions, lineWidth: 0 })
    .trimEnd()
    .split("\n");
}

function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
