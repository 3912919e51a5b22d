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

/**
 * Instructions of a compiled regex. Emissary's limit is 200; the gateway's Envoy has none of its own (runtime/bootstrap.ts), so
 * that this one alone decides, and what is below it is below RE2's memory limit even for `\p{L}{1000}`.
 */
const MAX_PROGRAM_SIZE = 1000;

function judge(regex: string): string | undefined {
  try {
    const size = RE2JS.compile(regex).programSize();
    return size > MAX_PROGRAM_SIZE ? `too large: ${size} instructions of at most ${MAX_PROGRAM_SIZE}` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
