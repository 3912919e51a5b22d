import { RE2JS } from "re2js";

/** Programs by regex text. Bounded: a stream of new regexes must not grow memory. */
const programs = new Map<string, RE2JS>();
const MAX_PROGRAMS = 5_000;

/** Whether the whole text matches, as Envoy asks of every regex. */
export function fullMatch(regex: string, text: string): boolean {
  let program = programs.get(regex);
  if (program === undefined) {
    if (programs.size >= MAX_PROGRAMS) programs.clear();
    programs.set(regex, (program = RE2JS.compile(regex)));
  }
  return program.matches(text);
}
