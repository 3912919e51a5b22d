import type { TracingServiceSpec } from "../../crds/tracing-service.ts";
import { type FieldProblem, ignored, invalid } from "../../features/feature.ts";
import { readHeaderProblems } from "../../features/header-value.ts";
import type { PathStep } from "../../ir/problem.ts";
import type { SpanTag } from "../../ir/telemetry.ts";

type Written = NonNullable<TracingServiceSpec["custom_tags"]>[number];

export interface Tags {
  readonly value: readonly SpanTag[];
  readonly problems: readonly FieldProblem[];
}

const sources = ["literal", "environment", "request_header"] as const;

/** Envoy refuses empty texts. */
function emptyProblems(text: string, path: readonly PathStep[]): FieldProblem[] {
  return text === "" ? [invalid(path, "it is empty", "write something, or leave the tag out")] : [];
}

function tagOf(written: Written, at: readonly PathStep[]): { tag: SpanTag | undefined; problems: FieldProblem[] } {
  const { tag: name, literal, environment, request_header: header } = written;
  const problems = emptyProblems(name, [...at, "tag"]);
  const given = sources.filter((source) => written[source] !== undefined);
  if (given.length !== 1) {
    const message = given.length === 0 ? "it has no source" : `${given.join(" and ")} are both sources`;
    problems.push(invalid([...at], message, `write exactly one of ${sources.join(", ")}`));
  }
  if (literal !== undefined) {
    problems.push(...emptyProblems(literal.value, [...at, "literal", "value"]));
    return { tag: { kind: "literal", name, value: literal.value }, problems };
  }
  if (environment !== undefined) {
    problems.push(...emptyProblems(environment.name, [...at, "environment", "name"]));
    const tag = { kind: "environment", name, variable: environment.name, fallback: environment.default_value } as const;
    return { tag, problems };
  }
  if (header === undefined) return { tag: undefined, problems };
  problems.push(...readHeaderProblems(header.name, [...at, "request_header", "name"]));
  return { tag: { kind: "requestHeader", name, header: header.name, fallback: header.default_value }, problems };
}

/** The tags of each span. One with a mistake is left out: spans without it are better than none. */
export function tagsOf({ custom_tags: custom, tag_headers: headers = [] }: TracingServiceSpec): Tags {
  if (custom === undefined) {
    const each = headers.map((name, index) => ({ name, problems: readHeaderProblems(name, ["tag_headers", index]) }));
    return {
      value: each
        .filter(({ problems }) => problems.length === 0)
        .map(({ name }) => ({ kind: "requestHeader", name, header: name, fallback: undefined })),
      problems: each.flatMap(({ problems }) => problems),
    };
  }
  const each = custom.map((written, index) => tagOf(written, ["custom_tags", index]));
  const problems = each.flatMap((one) => one.problems);
  if (headers.length > 0) {
    const message = "custom_tags is set too and wins";
    problems.push(ignored(["tag_headers"], message, "write a request_header in custom_tags for each"));
  }
  return {
    value: each.flatMap((one) => (one.tag === undefined || one.problems.length > 0 ? [] : [one.tag])),
    problems,
  };
}
