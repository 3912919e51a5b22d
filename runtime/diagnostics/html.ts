import type { Diagnostics } from "../../insight/diagnostics.ts";

const style = `
  :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
  body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
  h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #8884; }
  td.path, td.service { font-family: ui-monospace, monospace; }
  ul { padding-left: 1.2rem; } li.error::marker { color: #d33; } li.warning::marker { color: #c80; }
`;

export interface PageFacts {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
}

/** The diagnostics for people: one page that needs nothing but itself, and has no script. */
export function htmlOf({ errors, notices, route_info: routes }: Diagnostics, { title, facts }: PageFacts): string {
  const problems = [
    ...errors.map(([, text]) => ["error", text] as const),
    ...notices.map(({ message }) => ["warning", message] as const),
  ];
  const rows = routes.map(({ host, prefix, method, headers, clusters, _source, precedence }) =>
    row([
      ["", host],
      ["path", prefix],
      ["", [method, ...headers.map(({ name, value }) => `${name}: ${value}`)].join(", ")],
      [
        "service",
        clusters.map(({ service, weight }) => (weight === 100 ? service : `${service} ${weight}%`)).join(", "),
      ],
      ["", _source.replace(/\.1$/, "")],
      ["", String(precedence)],
    ]),
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(title)}</title><style>${style}</style></head>
<body>
<h1>${text(title)}</h1>
<p>${facts.map(([name, value]) => `${text(name)}: <b>${text(value)}</b>`).join(" &middot; ")}</p>
<h2>Problems (${problems.length})</h2>
${problems.length === 0 ? "<p>None.</p>" : `<ul>${problems.map(([kind, words]) => `<li class="${kind}">${kind}: ${text(words)}</li>`).join("\n")}</ul>`}
<h2>Routes (${routes.length})</h2>
<div class="wide"><table>
<thead><tr><th>Host</th><th>Path</th><th>Conditions</th><th>Service</th><th>Mapping</th><th>Precedence</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>
<p><a href="?json=true">The same as JSON</a></p>
</body></html>
`;
}

function row(cells: readonly (readonly [string, string])[]): string {
  return `<tr>${cells.map(([name, value]) => `<td${name === "" ? "" : ` class="${name}"`}>${text(value)}</td>`).join("")}</tr>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Whatever people write in manifests is text here. */
function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
