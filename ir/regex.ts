import { RE2JS } from "re2js";

/** Verdicts by regex text. Bounded: a tenant's stream of new regexes must not grow memory. */
const verdicts = new Map<string, string | undefined>();
const MAX_VERDICTS = 50_000;

/** Why Envoy would refuse this regex, or undefined. Judged by RE2 itself: JavaScript's dialect differs. */
export function regexError(regex: string): string | undefined {
  if (verdicts.has(regex)) return verdicts.get(regex);
  if (verdicts.size >= MAX_VERDICTS) verdicts.clear();
  const verdict = judge(regex);
  verdicts.set(regex, verdict);
  return verdict;
}

function judge(regex: string): string | undefined {
  try {
    RE2JS.compile(regex);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
