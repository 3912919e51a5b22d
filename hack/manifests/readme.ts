/** The chart's README: how it is installed, and all of its values. */
import { isGroup, type Schema, valuesJsonSchema } from "./values-files.ts";
import { refusedValues } from "./refused-values.ts";
import { at } from "./parts.ts";
import { defaults } from "./values.ts";

export function readmeFile(): string {
  const values = rowsOf(valuesJsonSchema(), "");
  const refused = Object.entries(refusedValues).map(([name, advice]) => `| \`${name}\` | ${advice} |`);
  return `<!-- Written by \`npm run generate\`; edit hack/manifests/. -->

# nuncio

A Kubernetes API gateway that reads Emissary-ingress's resources, with the webhook that refuses what it could not serve.

\`\`\`sh
helm install nuncio charts/nuncio --namespace nuncio --create-namespace
\`\`\`

With its default values the chart makes what \`manifests/install.yaml\` has. How to install, upgrade and remove it is told in docs/install.md
and docs/upgrade.md of the repository.

## Values

Names are those of Emissary's chart where the meaning is the same. A value that is not here is refused.

| value | default | meaning |
| ----- | ------- | ------- |
${values.join("\n")}

## Values of Emissary's chart that are refused

| value | instead |
| ----- | ------- |
${refused.join("\n")}
`;
}

function rowsOf(schema: Schema, prefix: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const path = `${prefix}${key}`;
    if (isGroup(child)) return rowsOf(child, `${path}.`);
    const words = child.enum === undefined ? "" : ` One of ${child.enum.map((word) => `\`${word}\``).join(", ")}.`;
    return [`| \`${path}\` | ${shown(at(defaults, path))} | ${child.description ?? ""}${words} |`];
  });
}

function shown(value: unknown): string {
  if (value === undefined || value === "") return "";
  return `\`${JSON.stringify(value)}\``;
}
