/** Objects of our kinds that the chart makes on demand; Emissary's chart has them. */
import { group, version } from "../../crds/common.ts";
import { metadata } from "./labels.ts";
import type { Names } from "./names.ts";
import { any, block, type Condition, computed, on, when } from "./parts.ts";
import type { Values } from "./values.ts";

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
  const named = (chart: string, plain: (values: Values) => string) => ({
    ...metadata(names, "gateway", ""),
    name: computed(chart, plain),
  });
  const made = (condition: Condition, kind: string, meta: object, spec: object) =>
    when(condition, { apiVersion, kind, metadata: meta, ...spec });
  return [
    made(
      on("resolvers.endpoint.create"),
      "KubernetesEndpointResolver",
      named(".Values.resolvers.endpoint.name", (values) => values.resolvers.endpoint.name),
      {},
    ),
    made(
      on("resolvers.consul.create"),
      "ConsulResolver",
      named(".Values.resolvers.consul.name", (values) => values.resolvers.consul.name),
      { spec: block("resolvers.consul.spec") },
    ),
  ];
}
