import { parseDocuments } from "../../crds/documents.ts";
import { parseResource } from "../../crds/parse.ts";
import { compareProblems, formatProblem, type Problem } from "../../ir/problem.ts";

/** Everything told about a file, one line each: `<line> <severity> <code> <text>`. */
export function tellAll(text: string): string[] {
  const { documents, problems } = parseDocuments(text, "test.yaml");
  const all = [...problems, ...documents.flatMap(({ raw, origin }) => parseResource(raw, origin).problems)];
  return all.sort(compareProblems).map(tell);
}

export function tell(problem: Problem): string {
  const line = problem.object.origin?.lineOf(problem.path) ?? 0;
  return `${line} ${problem.severity} ${problem.code} ${formatProblem(problem)}`;
}

/** What is told about a Mapping with this spec (YAML at two spaces), without the part that is always the same. */
export function tellMapping(spec: string): string[] {
  const text = `apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: { name: quote }\nspec:\n${spec}\n`;
  return tellAll(text).map((line) => line.replace(/^\d+ \w+ /, "").replace("Mapping default/quote: ", ""));
}

export function mapping(name: string, spec: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    apiVersion: "getambassador.io/v3alpha1",
    kind: "Mapping",
    metadata: { name },
    spec: { prefix: "/", service: "quote", ...spec },
  };
}
