import type { DevPortalResource } from "../../crds/resources.ts";
import { memoForever } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";

/** Emissary stores DevPortals and does nothing with them, and so nobody is kept from applying one. */
const ofDevPortal = memoForever(
  (object: DevPortalResource): Problem => ({
    code: "IgnoredField",
    severity: "warning",
    object,
    path: ["kind"],
    message: "a DevPortal has no effect, here as in Emissary",
    advice: "remove it",
  }),
);

/** Of kinds that lead to nothing, for good. */
export function withoutEffect(devPortals: readonly DevPortalResource[]): readonly Problem[] {
  return devPortals.map(ofDevPortal);
}
