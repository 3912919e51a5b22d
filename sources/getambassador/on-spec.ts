import type { FieldProblem } from "../../features/feature.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";

/** A problem whose path is relative to the spec, as one of the object. */
export function onSpec(object: ObjectRef, problem: FieldProblem): Problem {
  return { ...problem, object, path: ["spec", ...problem.path] };
}
