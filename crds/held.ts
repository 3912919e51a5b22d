/** Objects that others hold: in an annotation, or as what an Ingress asks for. */
import type { Problem, Within } from "../ir/problem.ts";
import type { AnyResource, IngressResource, KnativeIngressResource, ServiceResource } from "./resources.ts";

export type Bearer = ServiceResource | IngressResource | KnativeIngressResource;

export interface Held {
  readonly bearer: Bearer;
  readonly objects: readonly AnyResource[];
  /** What is wrong with the rest, which is no object. */
  readonly unread: readonly Unread[];
}

export interface Unread {
  /** The gateways that it is for. */
  readonly ids: readonly string[] | undefined;
  readonly problem: Problem;
}

/** The resource as one that stands within its bearer, and of the same age. */
export function placed(resource: AnyResource, { uid, creationTimestamp, origin }: Bearer, within: Within): AnyResource {
  const { kind, namespace, name } = resource;
  const object = { kind, namespace, name, origin, within };
  const problems = Object.freeze(resource.problems.map((problem) => ({ ...problem, object })));
  return Object.freeze({ ...resource, uid, creationTimestamp, origin, within, problems });
}
