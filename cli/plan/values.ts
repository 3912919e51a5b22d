import type { FieldChange } from "../../insight/plan/overlay.ts";
import { Redacted } from "../../ir/redacted.ts";
import { isSensitive } from "../../ir/sensitive.ts";
import { redactValue } from "../bundle/redact.ts";

/** What a field said and says, as it may stand in the log of a pipeline; undefined where neither may. */
export function valuesOf({
  path,
  before,
  after,
}: FieldChange): { readonly before: unknown; readonly after: unknown } | undefined {
  if (before instanceof Redacted || after instanceof Redacted || isSensitive(path)) return undefined;
  const field = String(path.findLast((step) => typeof step === "string") ?? "");
  return { before: redactValue(before, field), after: redactValue(after, field) };
}
