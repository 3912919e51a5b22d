import type { ObjectRef, Problem } from "./problem.ts";

/** A parsed object: the only form in which input reaches the core. Frozen; a changed object is a new value. */
export interface Resource<Spec> extends ObjectRef {
  readonly apiVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly uid: string;
  readonly generation: number;
  /** RFC 3339; empty for files. Conflicts are decided by it, then by namespace/name. */
  readonly creationTimestamp: string;
  readonly spec: Spec;
  /** Found while parsing. With an error among them the spec is not used. */
  readonly problems: readonly Problem[];
}

export function hasError(resource: { readonly problems: readonly Problem[] }): boolean {
  return resource.problems.some((problem) => problem.severity === "error");
}

/** `namespace/name`, the key by which resources of a kind are sorted. */
export function keyOf(resource: Pick<ObjectRef, "namespace" | "name">): string {
  return `${resource.namespace}/${resource.name}`;
}
