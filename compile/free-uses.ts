import type { FreeUse } from "../ir/free-content.ts";
import type { Problem } from "../ir/problem.ts";
import type { Ir } from "../ir/types.ts";

type Question = Problem & Required<Pick<Problem, "asks">>;

/** Whether it is a problem only if Envoy says so. */
export function isQuestion(problem: Problem): problem is Question {
  return problem.asks !== undefined;
}

/** What only Envoy can judge: texts that were found in fields, and the certificates that it is served with. */
export function freeUses(questions: readonly Problem[], secrets: Ir["secrets"]): readonly FreeUse[] {
  const uses: FreeUse[] = [];
  for (const { asks, ...problem } of questions) {
    if (asks !== undefined) uses.push({ kind: "field", content: asks, problem });
  }
  for (const content of secrets.values()) {
    // Files that Envoy reads itself are nobody else's to read.
    if (content.kind === "certificate" || content.kind === "validation") uses.push({ kind: "secret", content });
  }
  return uses;
}
