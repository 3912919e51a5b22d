import { compareText } from "../../ir/problem.ts";
import { keyOf, type Resource } from "../../ir/resource.ts";

/**
 * Of objects of which one decides for the whole gateway: first those that stand for themselves, so that who may write the
 * annotation of an old Service does not rule by its age; then the oldest; then by name.
 */
export function rulingFirst(a: Resource<unknown>, b: Resource<unknown>): number {
  return (
    Number(a.within !== undefined) - Number(b.within !== undefined) ||
    compareText(a.creationTimestamp, b.creationTimestamp) ||
    compareText(keyOf(a), keyOf(b))
  );
}
