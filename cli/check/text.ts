import { formatPlace, formatPath, type Problem, writtenPath } from "../../ir/problem.ts";
import type { Paint } from "../output/colour.ts";
import { structured } from "../output/format.ts";
import { lineOf, pageOf, type Report, type ReportWriter } from "./report.ts";

/** For people: a line for each finding, the pages about their codes, and a sum. */
export const writeText: ReportWriter = (report, { paint }) => {
  const pages = [...new Set(report.problems.map(({ code }) => pageOf(code)))].sort();
  return [
    ...report.problems.map((problem) => textOf(problem, paint)),
    ...(pages.length === 0 ? [] : [paint("dim", `see ${pages.join(", ")}`)]),
    summary(report),
  ];
};

/** As GitHub Actions puts it beside the line that it is about. Source: docs.github.com, "Workflow commands". */
export const writeGithub: ReportWriter = (report) => [
  ...report.problems.map((problem) => {
    const { file } = problem.object.origin ?? {};
    const line = lineOf(problem);
    const place = file === undefined ? "" : `file=${property(file)},line=${line ?? 1},`;
    return `::${problem.severity} ${place}title=${property(problem.code)}::${escaped(sentence(problem))}`;
  }),
  summary(report),
];

export const writeJson: ReportWriter = ({ problems }) => [
  structured({ problems: problems.map(problemJson) }, "json").trimEnd(),
];

export function summary({ objects, problems, errors, warnings }: Report): string {
  const checked = `${plural(objects.length, "object")} checked`;
  if (problems.length > 0) return `${checked}: ${plural(errors, "error")}, ${plural(warnings, "warning")}`;
  return objects.length === 0 ? "no objects found: nothing to check" : `${checked}: no problems`;
}

/** `Mapping default/quote: spec.prefix: ...; write ...` */
export function sentence(problem: Problem): string {
  return `${formatPlace(problem)}${problem.message}; ${problem.advice}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function textOf(problem: Problem, paint: Paint): string {
  const { origin } = problem.object;
  const place = origin === undefined ? "" : `${origin.file}:${lineOf(problem) ?? 1}: `;
  const severity = paint(problem.severity === "error" ? "red" : "yellow", problem.severity);
  return `${paint("bold", place)}${severity}: ${sentence(problem)} ${paint("dim", `[${problem.code}]`)}`;
}

function problemJson(problem: Problem): Record<string, unknown> {
  const { code, severity, message, advice, object, fix } = problem;
  const { kind, namespace, name, origin } = object;
  return {
    code,
    severity,
    message,
    advice,
    object: { kind, namespace, name, ...(origin?.written === undefined ? {} : { version: origin.written.version }) },
    path: formatPath(writtenPath(problem)),
    ...(origin === undefined ? {} : { file: origin.file, line: lineOf(problem) }),
    ...(fix === undefined ? {} : { fix }),
    page: pageOf(code),
  };
}

function escaped(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return escaped(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
