import type { Quarantined } from "../compile/last-good.ts";
import type { Resources } from "../crds/resources.ts";
import { formatObject, formatProblem, type ObjectRef, type Problem, subjectsOf } from "../ir/problem.ts";
import { memoForever } from "../ir/memo.ts";
import type { Log } from "./log.ts";

/** `quote.yaml:7: ` for an object from a file, nothing for one from a cluster. */
export function placeOf(problem: Problem): string {
  const { origin } = problem.object;
  return origin === undefined ? "" : `${origin.file}:${origin.lineOf(problem.path)}: `;
}

/** Thousands may stand, and each report has all of them: what does not change is not written anew. */
const nameOf = memoForever((object: ObjectRef) => formatObject(object));
const texts = new WeakMap<Problem, { readonly ending: string; readonly text: string }>();

/** The very same string for the same: as a key it is hashed once. */
function textOf(problem: Problem, ending: string): string {
  const known = texts.get(problem);
  if (known?.ending === ending) return known.text;
  const text = `${placeOf(problem)}${formatProblem(problem)}${ending}`;
  texts.set(problem, { ending, text });
  return text;
}

/** Logs problems as they come and go; what stands is not said again. */
export function problemLog(
  log: Log,
): (problems: readonly Problem[], kept: ReadonlySet<ObjectRef>, quarantined?: readonly Quarantined[]) => void {
  let standing = new Set<string>();
  return (problems, kept, quarantined = []) => {
    const generations = new Map(quarantined.map(({ object, serving }) => [nameOf(object), serving?.generation ?? 0]));
    const keptNames = new Set([...kept].map(nameOf));
    const now = new Map<string, Problem>();
    for (const problem of problems) {
      const { severity } = problem;
      const subject =
        severity === "error"
          ? subjectsOf(problem)
              .map(nameOf)
              .find((name) => keptNames.has(name))
          : undefined;
      const text = textOf(problem, subject === undefined ? "" : keepsServing(generations.get(subject)));
      now.set(text, problem);
    }
    for (const [text, { severity, code }] of now) {
      if (standing.has(text)) continue;
      if (severity === "error") log.error(text, { code });
      else log.warn(text, { code });
    }
    const settled = [...standing].filter((text) => !now.has(text)).length;
    if (settled > 0)
      log.info(now.size === 0 ? "all problems are solved" : `solved problems: ${settled}, standing: ${now.size}`);
    standing = new Set(now.keys());
  };
}

/** @param generation of what serves, as the API server counts; 0 for files */
function keepsServing(generation = 0): string {
  return ` (its last good version keeps serving${generation === 0 ? "" : `, that of generation ${generation}`})`;
}

/** A shadow's only answer, once for each change. */
export function summary(problems: readonly Problem[], { listeners, hosts, mappings, tcpMappings }: Resources): string {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const routes = mappings.length + tcpMappings.length;
  return `judged ${listeners.length} Listeners, ${hosts.length} Hosts, ${routes} Mappings: ${errors} errors, ${problems.length - errors} warnings`;
}
