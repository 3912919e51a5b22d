import { formatObject, type ObjectRef, type Problem } from "../../ir/problem.ts";
import { lineOf, pageOf, type ReportWriter } from "./report.ts";
import { sentence } from "./text.ts";

interface Case {
  readonly object: ObjectRef;
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Where objects of a cluster stand. */
const NO_FILE = "cluster";

/** A suite for each file, and a case for each object, which fails by an error and tells its warnings. */
export const writeJunit: ReportWriter = ({ problems, objects }) => {
  const suites = new Map<string, Case[]>();
  for (const each of casesOf(objects, problems)) {
    const file = each.object.origin?.file ?? NO_FILE;
    suites.set(file, [...(suites.get(file) ?? []), each]);
  }
  const total = [...suites.values()].flat();
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="nuncio check" tests="${total.length}" failures="${failuresOf(total)}" errors="0">`,
    ...[...suites].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([file, cases]) => suiteLines(file, cases)),
    "</testsuites>",
  ];
};

function casesOf(objects: readonly ObjectRef[], problems: readonly Problem[]): readonly Case[] {
  const cases = new Map<string, { object: ObjectRef; errors: Problem[]; warnings: Problem[] }>();
  const keyOf = (object: ObjectRef) => `${object.origin?.file ?? ""} ${formatObject(object)}`;
  // What stands within another object is told by that one.
  const standing = objects.filter(({ within }) => within === undefined);
  for (const object of [...standing, ...problems.map((problem) => problem.object)]) {
    if (!cases.has(keyOf(object))) cases.set(keyOf(object), { object, errors: [], warnings: [] });
  }
  for (const problem of problems) {
    const found = cases.get(keyOf(problem.object));
    (problem.severity === "error" ? found?.errors : found?.warnings)?.push(problem);
  }
  return [...cases.values()];
}

function failuresOf(cases: readonly Case[]): number {
  return cases.filter(({ errors }) => errors.length > 0).length;
}

function suiteLines(file: string, cases: readonly Case[]): string[] {
  return [
    `  <testsuite name="${escaped(file)}" tests="${cases.length}" failures="${failuresOf(cases)}" errors="0">`,
    ...cases.flatMap((each) => caseLines(file, each)),
    "  </testsuite>",
  ];
}

function caseLines(file: string, { object, errors, warnings }: Case): string[] {
  const line = object.origin?.line;
  const place = line === undefined ? "" : ` file="${escaped(file)}" line="${line}"`;
  const head = `    <testcase classname="${escaped(file)}" name="${escaped(formatObject(object))}"${place}`;
  if (errors.length + warnings.length === 0) return [`${head}/>`];
  return [
    `${head}>`,
    ...(errors.length === 0
      ? []
      : [
          `      <failure type="${errors[0]?.code ?? ""}" message="${escaped(errors.map(sentence).join("\n"))}">`,
          ...errors.map((problem) => escaped(`${placed(problem)} [${problem.code}] see ${pageOf(problem.code)}`)),
          "      </failure>",
        ]),
    ...(warnings.length === 0
      ? []
      : [
          "      <system-out>",
          ...warnings.map((problem) => escaped(`${placed(problem)} [${problem.code}]`)),
          "      </system-out>",
        ]),
    "    </testcase>",
  ];
}

function placed(problem: Problem): string {
  const { origin } = problem.object;
  const place = origin === undefined ? "" : `${origin.file}:${lineOf(problem) ?? 1}: `;
  return `${place}${problem.severity}: ${sentence(problem)}`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

/** XML 1.0 has no control characters, in no way of writing. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "?")
    .replace(/[&<>"\n]/g, (character) => entities[character] ?? character);
}
