import type { ObjectRef, Problem, ProblemCode, Severity } from "../../ir/problem.ts";
import type { Resources } from "../../crds/resources.ts";
import type { Paint } from "../output/colour.ts";
import type { CompiledState } from "../state/compiled.ts";

export interface Report {
  /** By file and line; those of a cluster by object. */
  readonly problems: readonly Problem[];
  /** Everything that was looked at. */
  readonly objects: readonly ObjectRef[];
  readonly errors: number;
  readonly warnings: number;
}

/** A report in one of the formats of `nuncio check`, line by line. */
export type ReportWriter = (report: Report, context: { readonly version: string; readonly paint: Paint }) => string[];

export interface Counted {
  readonly errorsOnly: boolean;
  /** Warnings are told as errors. */
  readonly strict: boolean;
}

export function reportOf({ compiled, problems: found }: CompiledState, { errorsOnly, strict }: Counted): Report {
  const counted = errorsOnly ? found.filter(({ severity }) => severity === "error") : found;
  const problems = strict ? counted.map((problem) => ({ ...problem, severity: "error" as const })) : counted;
  const count = (wanted: Severity) => problems.filter(({ severity }) => severity === wanted).length;
  return {
    problems: [...problems].sort(byPlace),
    objects: objectsOf(compiled.expansion.resources),
    errors: count("error"),
    warnings: count("warning"),
  };
}

/** The page about a code. */
export function pageOf(code: ProblemCode): string {
  return `docs/codes/${code}.md`;
}

export function lineOf({ object, path }: Problem): number | undefined {
  return object.origin?.lineOf(path);
}

function objectsOf(resources: Resources): readonly ObjectRef[] {
  return Object.values(resources).flatMap((list) => list as readonly ObjectRef[]);
}

function byPlace(a: Problem, b: Problem): number {
  const fileOf = (problem: Problem) => problem.object.origin?.file ?? problem.object.name;
  if (fileOf(a) !== fileOf(b)) return fileOf(a) < fileOf(b) ? -1 : 1;
  return (lineOf(a) ?? 0) - (lineOf(b) ?? 0);
}
