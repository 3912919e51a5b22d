/** docs/compatibility-fields.md: one row for each field of each kind and each key of the Module. */
import { type CustomKind, customKinds } from "../capabilities/kinds.ts";
import { type JsonSchema, jsonSchemaOf } from "../crds/json-schema.ts";
import { moduleConfigSchema } from "../crds/module-config.ts";
import { inertFieldNames } from "../sources/getambassador/module-problems.ts";
import { type Difference, differences, type Verdict } from "./compatibility-differences.ts";
import { compiledFields } from "./coverage-fields.ts";

/** Paths as in the reference: `cors.origins`, `circuit_breakers[].priority`, `add_request_headers.*.value`. */
function pathsOf(schema: JsonSchema, prefix = ""): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    `${prefix}${name}`,
    ...inner(field, `${prefix}${name}`),
  ]);
}

function inner(schema: JsonSchema, path: string): readonly string[] {
  if (schema.properties !== undefined) return pathsOf(schema, `${path}.`);
  if (schema.items !== undefined) return inner(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === "object") return inner(schema.additionalProperties, `${path}.*`);
  return [...new Set(schema.anyOf?.flatMap((form) => inner(form, path)) ?? [])];
}

/** Of the Module the keys of its config. */
export function fieldPaths({ kind, schema }: CustomKind): readonly string[] {
  return pathsOf(jsonSchemaOf(kind === "Module" ? moduleConfigSchema : schema));
}

interface Row {
  readonly path: string;
  readonly verdict: Verdict | "same" | "not yet";
  readonly how: string;
}

function topOf(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}

function rowOf(kind: CustomKind["kind"], path: string): Row {
  const own = differences[`${kind}.${path}`];
  if (own !== undefined) return { path, ...own };
  const top = topOf(path);
  const ofKind = differences[kind];
  if (ofKind !== undefined) return { path, ...ofKind };
  const above = aboveOf(kind, path);
  // What is said of a list or an object holds for what is in it.
  if (above !== undefined) return { path, verdict: above.difference.verdict, how: `See \`${above.path}\`.` };
  if (kind === "Module" && inertFieldNames.includes(top))
    return { path, verdict: "without effect", how: "Told by a warning, which says where it is set now." };
  const compiled = compiledFields[kind as keyof typeof compiledFields];
  if (!compiled.has(top)) return { path, verdict: "not yet", how: "A finding says so: `NotYetSupported`." };
  return { path, verdict: "same", how: "" };
}

/** The nearest parent that differs. */
function aboveOf(kind: string, path: string): { readonly path: string; readonly difference: Difference } | undefined {
  for (let at = path; at !== ""; ) {
    at = at.replace(/(?:^|\.)[^.]+$/, "");
    const bare = at.replace(/(?:\[\]|\.\*)+$/, "");
    const difference = differences[`${kind}.${bare}`];
    if (difference !== undefined) return { path: bare, difference };
  }
  return undefined;
}

const head = `<!-- Written by \`npm run generate\` from the schemas and hack/compatibility-differences.ts; edit those. -->

# Compatibility, field by field

Every field of every kind, beside what Emissary-ingress 4 makes of it. [Compatibility](compatibility.md) has the reasons.

- **same**: the same values, the same default, the same meaning.
- **better**: the same, and more, or right where Emissary is not.
- **refused**: an error or a warning at the field says what to write instead.
- **without effect**: it is read, changes nothing, and that is told where somebody may expect more.
- **ours**: not Emissary's.
- **not yet**: known, and not acted upon; a finding says so.
`;

export function compatibilityPage(): string {
  const counts = new Map<string, number>();
  const sections = customKinds.map((kind) => {
    const rows = fieldPaths(kind).map((path) => rowOf(kind.kind, path));
    for (const { verdict } of rows) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    const lines = rows.map(({ path, verdict, how }) => `| \`${path}\` | ${verdict} | ${how} |`);
    const title = kind.kind === "Module" ? "Module `ambassador`, `spec.config`" : kind.kind;
    return `\n## ${title}\n\n| field | here | how |\n|---|---|---|\n${lines.join("\n")}\n`;
  });
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const summary = [...counts].sort(([, a], [, b]) => b - a).map(([verdict, count]) => `${count} ${verdict}`);
  return `${head}\nOf ${total} fields: ${summary.join(", ")}.\n${sections.join("")}`;
}
