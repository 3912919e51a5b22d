import type { DevPortalResource } from "../../crds/resources.ts";
import { memoLast } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";

/** DevPortals are kept and judged; there is no portal that would show what they name, as there is none in Emissary-ingress. */
export const devPortalProblems = memoLast((devPortals: readonly DevPortalResource[]): readonly Problem[] =>
  devPortals.map((object) => ({
    code: "IgnoredField",
    severity: "warning",
    object,
    path: ["spec"],
    message: "it is kept, and there is no developer portal here that would show it, as in Emissary-ingress",
    advice: "nothing need be done: it changes no traffic",
  })),
);
