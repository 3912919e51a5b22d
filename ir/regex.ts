import { RE2JS } from "re2js";

/** Instructions of the compiled regex, or why it is none. */
type Verdict = { readonly size: number } | { readonly error: string };

/** Verdicts by regex text. Bounded: a tenant's stream of new regexes must not grow memory. */
const verdicts = new Map<string, Verdict>();
const MAX_VERDICTS = 50_000;

/**
 * Instructions of a compiled regex. Emissary's limit is 200; the gateway's Envoy has none of its own (runtime/bootstrap.ts), so
 * that this one alone decides, and what is below it is below RE2's memory limit even for `\p{L}{1000}`.
 */
export const MAX_PROGRAM_SIZE = 1000;

/**
 * Why Envoy would refuse this regex, or undefined. Judged by RE2 itself: JavaScript's dialect differs.
 * @param maxSize a limit of the user's own; none is above MAX_PROGRAM_SIZE
 */
export function regexError(regex: string, maxSize = MAX_PROGRAM_SIZE): string | undefined {
  const verdict = verdictOf(regex);
  if ("error" in verdict) return verdict.error;
  const limit = Math.min(maxSize, MAX_PROGRAM_SIZE);
  return verdict.size > limit ? `too large: ${verdict.size} instructions of at most ${limit}` : undefined;
}

function verdictOf(regex: string): Verdict {
  const known = verdicts.get(regex);
  if (known !== undefined) return known;
  if (verdicts.size >= MAX_VERDICTS) verdicts.clear();
  const verdict = judge(regex);
  verdicts.set(regex, verdict);
  return verdict;
}

function judge(regex: string): Verdict {
  try {
    return { size: RE2JS.compile(regex).programSize() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
