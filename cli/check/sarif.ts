import { pathToFileURL } from "node:url";
import path from "node:path";
import { formatObject, type Problem, type ProblemCode } from "../../ir/problem.ts";
import { structured } from "../output/format.ts";
import { lineOf, pageOf, type ReportWriter } from "./report.ts";
import { sentence } from "./text.ts";

/** SARIF 2.1.0, as GitHub's and GitLab's code scanning take it. Source: OASIS, sarif-schema-2.1.0.json. */
export const writeSarif: ReportWriter = ({ problems }, { version }) => {
  const codes = [...new Set(problems.map(({ code }) => code))].sort();
  const log = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "nuncio", semanticVersion: semantic(version), rules: codes.map(ruleOf) } },
        results: problems.map((problem) => resultOf(problem, codes)),
      },
    ],
  };
  return [structured(log, "json").trimEnd()];
};

function semantic(version: string): string {
  return /^\d+\.\d+\.\d+/.test(version) ? version : `0.0.0-${version}`;
}

function ruleOf(code: ProblemCode): object {
  const words = code.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return {
    id: code,
    shortDescription: { text: words },
    fullDescription: { text: `${words}: cause, example and how to mend it are in ${pageOf(code)}` },
    help: { text: `See ${pageOf(code)}` },
  };
}

function resultOf(problem: Problem, codes: readonly ProblemCode[]): object {
  const { code, severity, object } = problem;
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: severity,
    message: { text: sentence(problem) },
    locations: [
      {
        ...placeOf(problem),
        logicalLocations: [{ name: object.name, fullyQualifiedName: formatObject(object), kind: "resource" }],
      },
    ],
  };
}

function placeOf(problem: Problem): object {
  const { file } = problem.object.origin ?? {};
  if (file === undefined) return {};
  const artifactLocation = path.isAbsolute(file)
    ? { uri: pathToFileURL(file).href }
    : { uri: path.normalize(file).split(path.sep).map(encodeURIComponent).join("/") };
  return { physicalLocation: { artifactLocation, region: { startLine: lineOf(problem) ?? 1 } } };
}
