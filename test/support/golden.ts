import { stringify } from "yaml";
import { createCompiler } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import { compareProblems, formatPath, type Problem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { type Snapshot, typeUrls, type XdsType } from "../../xds/snapshot.ts";
import { messageJson, type Registry } from "../../xds/static/registry.ts";

const sections = ["problems", "listener", "route", "cluster", "endpoint", "secret", "extension", "runtime"] as const;
type Section = (typeof sections)[number];

export const goldenSettings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "127.0.0.1",
  inCluster: true,
  knative: true,
};

export interface Golden {
  readonly output: string;
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
}

/** Line 1 may name the sections to keep: `# golden: route cluster problems`. */
function wanted(text: string): readonly Section[] {
  const named = /^# golden: (.*)$/m.exec(text.split("\n", 1)[0] ?? "")?.[1]?.split(/\s+/);
  if (named === undefined) return sections;
  const unknown = named.filter((name) => !(sections as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown golden section ${unknown.join(", ")}; there are ${sections.join(", ")}`);
  return sections.filter((section) => named.includes(section));
}

function problemView({ code, severity, object, path, message, advice }: Problem): unknown {
  return {
    [`${severity} ${code}`]: `${object.kind} ${object.namespace}/${object.name} ${formatPath(path)}`.trim(),
    message,
    advice,
  };
}

/** What the compiler makes of a manifest file, as text that a person reviews. Secret bytes are redacted. */
export function golden(name: string, text: string, registry: Registry): Golden {
  const { resources, problems: ofFiles, skipped } = manifestReader()(new Map([[name, { kind: "text", text }]]));
  const compiled = createCompiler()(resources, goldenSettings);
  const snapshot: Snapshot = { ...compiled.snapshot, endpoint: endpointDiscovery()(compiled.endpoints, resources) };
  const problems = [...ofFiles, ...skipped, ...compiled.problems].sort(compareProblems);
  const view: Partial<Record<Section, unknown>> = {};
  for (const section of wanted(text)) {
    if (section === "problems") view.problems = problems.map(problemView);
    else view[section] = resourcesView(snapshot, section, registry);
  }
  return { output: stringify(view, { aliasDuplicateObjects: false, lineWidth: 0 }), snapshot, problems };
}

function resourcesView(snapshot: Snapshot, type: XdsType, registry: Registry): unknown[] {
  const typeName = typeUrls[type].slice(typeUrls[type].indexOf("/") + 1);
  const resources = [...snapshot[type].values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return resources.map(
    ({ body }) => JSON.parse(JSON.stringify(messageJson(registry, typeName, body), redact)) as unknown,
  );
}

function redact(key: string, value: unknown): unknown {
  return key === "inline_bytes" ? "[redacted]" : value;
}
