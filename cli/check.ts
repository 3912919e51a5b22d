import { formatPath, formatPlace, type Problem, writtenPath } from "../ir/problem.ts";
import { load } from "./load.ts";

export interface CheckOptions {
  readonly output: "text" | "json";
  readonly errorsOnly: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `nuncio check`: prints what the gateway would say of these manifests. @returns the exit code: 0 clean, 1 findings */
export function check(
  paths: readonly string[],
  options: CheckOptions,
  env: Environment,
  print: (line: string) => void,
): number {
  const { problems: all, compiled } = load(paths, env);
  const problems = options.errorsOnly ? all.filter(({ severity }) => severity === "error") : all;
  if (options.output === "json") {
    print(JSON.stringify({ problems: problems.map(problemJson) }, undefined, 2));
    return problems.length === 0 ? 0 : 1;
  }
  for (const problem of [...problems].sort(byPlace)) print(textOf(problem));
  const objects = Object.values(compiled.expansion.resources).reduce(
    (sum, list) => sum + (list as readonly unknown[]).length,
    0,
  );
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const checked = `${objects} ${objects === 1 ? "object" : "objects"} checked`;
  if (problems.length === 0) print(objects === 0 ? "no objects found: nothing to check" : `${checked}: no problems`);
  else print(`${checked}: ${plural(errors, "error")}, ${plural(problems.length - errors, "warning")}`);
  return problems.length === 0 ? 0 : 1;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function byPlace(a: Problem, b: Problem): number {
  const x = a.object.origin;
  const y = b.object.origin;
  const fileOf = (problem: Problem) => problem.object.origin?.file ?? problem.object.name;
  if (fileOf(a) !== fileOf(b)) return fileOf(a) < fileOf(b) ? -1 : 1;
  return (x?.lineOf(a.path) ?? 0) - (y?.lineOf(b.path) ?? 0);
}

function textOf(problem: Problem): string {
  const { origin } = problem.object;
  const place = origin === undefined ? "" : `${origin.file}:${origin.lineOf(problem.path)}: `;
  return `${place}${problem.severity}: ${formatPlace(problem)}${problem.message}; ${problem.advice} [${problem.code}]`;
}

function problemJson(problem: Problem): Record<string, unknown> {
  const { object, path, ...rest } = problem;
  const { kind, namespace, name, origin } = object;
  return {
    ...rest,
    object: { kind, namespace, name, ...(origin?.written === undefined ? {} : { version: origin.written.version }) },
    path: formatPath(writtenPath(problem)),
    ...(origin === undefined ? {} : { file: origin.file, line: origin.lineOf(path) }),
  };
}
