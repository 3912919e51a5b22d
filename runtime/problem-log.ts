import type { Resources } from "../crds/resources.ts";
import { formatObject, formatProblem, type ObjectRef, type Problem, subjectsOf } from "../ir/problem.ts";
import type { Log } from "./log.ts";

/** `quote.yaml:7: ` for an object from a file, nothing for one from a cluster. */
export function placeOf(problem: Problem): string {
  const { origin } = problem.object;
  return origin === undefined ? "" : `${origin.file}:${origin.lineOf(problem.path)}: `;
}

/** Logs problems as they come and go; what stands is not said again. */
export function problemLog(log: Log): (problems: readonly Problem[], kept: ReadonlySet<ObjectRef>) => void {
  let standing = new Set<string>();
  return (problems, kept) => {
    const keptNames = new Set([...kept].map(formatObject));
    const now = new Map<string, Problem>();
    for (const problem of problems) {
      const isKept =
        problem.severity === "error" && subjectsOf(problem).some((object) => keptNames.has(formatObject(object)));
      const text = `${placeOf(problem)}${formatProblem(problem)}${isKept ? " (its last good version keeps serving)" : ""}`;
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

/** A shadow's only answer, once for each change. */
export function summary(problems: readonly Problem[], { listeners, hosts, mappings, tcpMappings }: Resources): string {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const routes = mappings.length + tcpMappings.length;
  return `judged ${listeners.length} Listeners, ${hosts.length} Hosts, ${routes} Mappings: ${errors} errors, ${problems.length - errors} warnings`;
}
