/** Objects of our kinds that the chart makes on demand; Emissary's chart has them. */
import { group, version } from "../../crds/common.ts";
import { metadata } from "./labels.ts";
import type { Names } from "./names.ts";
import { any, block, type Condition, on, type Path, text, when } from "./parts.ts";

const apiVersion = `${group}/${version}`;

export function listeners(names: Names): readonly unknown[] {
  return (["http", "https"] as const).map((each) =>
    when(any(on("createDefaultListeners"), on(`listeners.${each}.create`)), {
      apiVersion,
      kind: "Listener",
      metadata: metadata(names, "gateway", `${names.gateway}-${each}`),
      spec: block(`listeners.${each}.spec`),
    }),
  );
}

export function moduleObject(names: Names): unknown {
  return when(on("module"), {
    apiVersion,
    kind: "Module",
    metadata: metadata(names, "gateway", "ambassador"),
    spec: { config: block("module") },
  });
}

export function resolvers(names: Names): readonly unknown[] {
  const named = (path: Path) => ({ ...metadata(names, "gateway", ""), name: text(path) });
  const made = (condition: Condition, kind: string, meta: object, spec: object) =>
    when(condition, { apiVersion, kind, metadata: meta, ...spec });
  return [
    made(on("resolvers.endpoint.create"), "KubernetesEndpointResolver", named("resolvers.endpoint.name"), {}),
    made(on("resolvers.consul.create"), "ConsulResolver", named("resolvers.consul.name"), {
      spec: block("resolvers.consul.spec"),
    }),
  ];
}
