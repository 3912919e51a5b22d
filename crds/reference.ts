/** The reference page of a kind, from its schema: one table row per field. */
import { apiVersionOf, type CustomKind } from "../capabilities/kinds.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";
import { moduleConfigSchema } from "./module-config.ts";

const header = "<!-- Written by `npm run generate` from crds/ and features/; edit those. -->";

export function referenceOf(row: CustomKind): string {
  const spec = jsonSchemaOf(row.schema);
  const lines = [
    header,
    "",
    `# ${row.kind}`,
    "",
    `${spec.description ?? ""} \`apiVersion: ${apiVersionOf(row)}\`, \`kind: ${row.kind}\`, in a namespace.`,
    "",
    "## spec",
    "",
    ...table(spec),
  ];
  if (row.kind === "Module")
    lines.push("## spec.config of the Module named ambassador", "", ...table(jsonSchemaOf(moduleConfigSchema)));
  lines.push("## status", "", ...table(jsonSchemaOf(row.status)));
  return lines.join("\n");
}

function table(schema: JsonSchema): string[] {
  const rows = rowsOf(schema, "");
  return ["| field | type | default | meaning |", "|---|---|---|---|", ...rows, ""];
}

function rowsOf(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) ?? false;
    const { meaning, unset } = describe(field.description ?? "");
    const cells = [`\`${path}\``, typeOf(field), required ? "required" : unset, meaning];
    return [`| ${cells.map(cell).join(" | ")} |`, ...inner(field, path)];
  });
}

function inner(schema: JsonSchema, path: string): string[] {
  if (schema.properties !== undefined) return rowsOf(schema, `${path}.`);
  if (schema.items !== undefined) return inner(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === "object") return inner(schema.additionalProperties, `${path}.*`);
  return schema.anyOf?.flatMap((form) => inner(form, path)) ?? [];
}

/** A description ends with its default, by the convention of features/fields.ts. */
function describe(description: string): { meaning: string; unset: string } {
  const [, meaning, unset] = /^(.*?)(?:^| )Default: (.+?)\.?$/s.exec(description) ?? [];
  return meaning === undefined || unset === undefined ? { meaning: description, unset: "" } : { meaning, unset };
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum !== undefined)
    return schema.enum
      .map((value) => `\`${JSON.stringify(value)}\``.replaceAll('"', value === "" ? '"' : ""))
      .join(", ");
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.type === "integer") return `integer${range(schema)}`;
  if (schema.type === "object" && schema.properties === undefined) {
    const values = schema.additionalProperties;
    return typeof values === "object" && Object.keys(values).length > 0
      ? `map to ${typeOf(values)}`
      : "free-form object";
  }
  return typeof schema.type === "string" ? schema.type : "any";
}

function range({ minimum, maximum }: JsonSchema): string {
  const from = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const to = maximum === undefined || maximum >= 2_147_483_647 ? undefined : maximum;
  if (from !== undefined && to !== undefined) return ` ${from} to ${to}`;
  if (from !== undefined) return ` from ${from}`;
  return to === undefined ? "" : ` up to ${to}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
