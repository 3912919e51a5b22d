import type { AnyResource } from "./resources.ts";

/** The manifest of an object of ours, which `parseResource` makes the same resource of: what its author wrote may have looked otherwise. */
export function manifestOf(resource: AnyResource): Readonly<Record<string, unknown>> {
  const { apiVersion, kind, namespace, name, labels, annotations, uid, generation, creationTimestamp } = resource;
  return {
    apiVersion,
    kind,
    metadata: { namespace, name, labels, annotations, uid, generation, creationTimestamp },
    spec: resource.kind === "Module" ? moduleSpec(resource.spec) : resource.spec,
  };
}

/** Of the two Modules that are older than kinds of their own the parser puts `config` elsewhere. */
function moduleSpec({ tls, authentication, ...spec }: Extract<AnyResource, { kind: "Module" }>["spec"]): unknown {
  return { ...spec, config: tls ?? authentication ?? spec.config };
}
