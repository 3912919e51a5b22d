import { z } from "zod";
import type { PathStep } from "../ir/problem.ts";
import { CustomResponse } from "../xds/generated/envoy/extensions/filters/http/custom_response/v3/custom_response.ts";
import { Config as MarkConfig } from "../xds/generated/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.ts";
import { LocalResponsePolicy } from "../xds/generated/envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy.ts";
import { FilterStateInput } from "../xds/generated/envoy/extensions/matching/common_inputs/network/v3/network_inputs.ts";
import { HttpResponseStatusCodeMatchInput } from "../xds/generated/envoy/type/matcher/v3/status_code_input.ts";
import type {
  Matcher,
  Matcher_MatcherList_Predicate,
  Matcher_OnMatch,
} from "../xds/generated/xds/type/matcher/v3/matcher.ts";
import { checked, type Feature, type FieldProblem, ignored, nothing } from "./feature.ts";
import { flag, text, textMap } from "./fields.ts";
import { commandProblems, headerValueProblems } from "./header-value.ts";
import { headerValueOption } from "./headers.ts";
import { pack } from "./proto.ts";

export const errorOverridesFields = {
  error_response_overrides: z
    .array(
      z.object({
        on_status_code: z.int().min(400).max(599).describe("Status of the responses whose body is replaced."),
        body: z
          .object({
            text_format: text("Text of the body; Envoy's %COMMAND% operators are expanded."),
            json_format: textMap("JSON object of the body; Envoy's %COMMAND% operators are expanded in its values."),
            text_format_source: z
              .object({ filename: z.string().describe("File in the gateway's container.") })
              .optional()
              .describe("File that holds the text of the body. Not read: write the text as text_format."),
            content_type: text("Content type of a text body. Default: text/plain."),
          })
          .describe("The new body: one of text_format and json_format."),
      }),
    )
    .min(1)
    .optional()
    .describe("Bodies for error responses, in place of the Module's. Default: the Module's error_response_overrides."),
  bypass_error_response_overrides: flag("Whether the Module's error_response_overrides are left out. Default: false."),
};

type Written = NonNullable<z.output<typeof errorOverridesFields.error_response_overrides>>;

export interface ErrorOverride {
  readonly status: number;
  readonly body:
    | { readonly kind: "text"; readonly text: string; readonly contentType: string | undefined }
    | { readonly kind: "json"; readonly fields: Readonly<Record<string, string>> };
}

/** Names of the two filters: the one that replaces bodies, and the one that marks the requests which the Module's do not hold for. */
export const BODIES_FILTER = "nuncio.error-overrides";
export const MARK_FILTER = "nuncio.error-overrides-mark";

/** A file would be read by Envoy, which refuses every route of the host when it is not there. */
function fileProblem(at: readonly PathStep[]): FieldProblem {
  return ignored(
    at,
    "bodies are not read from files, so that the response stays as it is",
    "write the text as text_format",
  );
}

function bodyOf(
  written: Written[number]["body"],
  at: readonly PathStep[],
  problems: FieldProblem[],
): ErrorOverride["body"] | undefined {
  const { text_format: plain, json_format: json, text_format_source: file, content_type: contentType } = written;
  const given = [plain, json, file].filter((each) => each !== undefined).length;
  if (given !== 1) {
    const message =
      given === 0
        ? "it names no body, so that the response stays as it is"
        : "it names more than one body, so that the response stays as it is";
    problems.push(ignored(at, message, "write one of text_format and json_format"));
    return undefined;
  }
  if (json !== undefined) {
    for (const [name, value] of Object.entries(json))
      problems.push(...commandProblems(value, [...at, "json_format", name]));
    if (contentType !== undefined)
      problems.push(ignored([...at, "content_type"], "a JSON body is always application/json", "remove it"));
    return { kind: "json", fields: json };
  }
  if (plain === undefined) {
    problems.push(fileProblem([...at, "text_format_source"]));
    return undefined;
  }
  problems.push(...commandProblems(plain, [...at, "text_format"]));
  if (contentType !== undefined) problems.push(...headerValueProblems(contentType, [...at, "content_type"]));
  return { kind: "text", text: plain, contentType };
}

export interface ErrorOverrides {
  readonly value: readonly ErrorOverride[];
  readonly problems: readonly FieldProblem[];
}

/** Of a Mapping or the Module; the first entry of a status counts. */
export function errorOverridesOf(written: Written): ErrorOverrides {
  const problems: FieldProblem[] = [];
  const value: ErrorOverride[] = [];
  written.forEach((each, index) => {
    const at: PathStep[] = ["error_response_overrides", index];
    if (value.some(({ status }) => status === each.on_status_code)) {
      problems.push(
        ignored([...at, "on_status_code"], `${each.on_status_code} has a body already`, "remove one of them"),
      );
      return;
    }
    const found: FieldProblem[] = [];
    const body = bodyOf(each.body, [...at, "body"], found);
    problems.push(...found);
    // What Envoy would refuse is left out, and the Module's other bodies stand.
    if (body !== undefined && !found.some(({ severity }) => severity === "error")) {
      value.push({ status: each.on_status_code, body });
    }
  });
  return { value, problems };
}

function policyOf({ body }: ErrorOverride): LocalResponsePolicy {
  const contentType = body.kind === "json" ? "application/json" : (body.contentType ?? "text/plain");
  return {
    bodyFormat: {
      format:
        body.kind === "json"
          ? { $case: "jsonFormat", value: { ...body.fields } }
          : { $case: "textFormatSource", value: { specifier: { $case: "inlineString", value: body.text } } },
    },
    // The format's own content type is not regarded here: local_response_policy.cc of Envoy 1.40.
    responseHeadersToAdd: [headerValueOption({ name: "content-type", value: contentType, append: false })],
  };
}

function matcherOf(overrides: readonly ErrorOverride[]): Matcher {
  const map = Object.fromEntries(
    overrides.map((each): [string, Matcher_OnMatch] => [
      `${each.status}`,
      { onMatch: { $case: "action", value: { name: "body", typedConfig: pack(LocalResponsePolicy, policyOf(each)) } } },
    ]),
  );
  const input = { name: "status", typedConfig: pack(HttpResponseStatusCodeMatchInput, {}) };
  return {
    matcherType: { $case: "matcherTree", value: { input, treeType: { $case: "exactMatchMap", value: { map } } } },
  };
}

const MARK = "own";

/** Bodies for the responses of a route. */
function ofRoute(overrides: readonly ErrorOverride[]): CustomResponse {
  return { customResponseMatcher: matcherOf(overrides) };
}

/** Bodies for all responses but those of marked requests. Envoy asks for them wherever a route's own settings say nothing. */
export function ofModule(overrides: readonly ErrorOverride[]): CustomResponse {
  if (overrides.length === 0) return {};
  const input = { name: "mark", typedConfig: pack(FilterStateInput, { key: MARK_FILTER }) };
  const isMarked: Matcher_MatcherList_Predicate = {
    matchType: {
      $case: "singlePredicate",
      value: { input, matcher: { $case: "valueMatch", value: { matchPattern: { $case: "exact", value: MARK } } } },
    },
  };
  const onMatch: Matcher_OnMatch = { onMatch: { $case: "matcher", value: matcherOf(overrides) } };
  const predicate: Matcher_MatcherList_Predicate = { matchType: { $case: "notMatcher", value: isMarked } };
  return {
    customResponseMatcher: { matcherType: { $case: "matcherList", value: { matchers: [{ predicate, onMatch }] } } },
  };
}

const marking: MarkConfig = {
  onRequestHeaders: [
    {
      key: { $case: "objectKey", value: MARK_FILTER },
      factoryKey: "envoy.string",
      value: {
        $case: "formatString",
        value: { format: { $case: "textFormatSource", value: { specifier: { $case: "inlineString", value: MARK } } } },
      },
    },
  ],
};

/** Which bodies error responses get. Emissary 4 has the fields and says that they are not supported; earlier ones had the feature. */
export const errorOverrides: Feature<typeof errorOverridesFields, readonly ErrorOverride[]> = {
  name: "error-overrides",
  fields: errorOverridesFields,

  fromMapping({ error_response_overrides: written, bypass_error_response_overrides: bypass }, { defaults }) {
    // The Module's own are written to its filter, and what is wrong with them is told with it.
    if (written === undefined) {
      return bypass === true && defaults.error_response_overrides !== undefined ? { value: [], problems: [] } : nothing;
    }
    const { value, problems } = errorOverridesOf(written);
    if (bypass === true) {
      const message = "the Mapping has bodies of its own, which stand in place of the Module's anyway";
      return checked(value, [...problems, ignored(["bypass_error_response_overrides"], message, "remove it")]);
    }
    return checked(value, problems);
  },

  route: (overrides, route) => ({
    ...route,
    typedPerFilterConfig: {
      ...route.typedPerFilterConfig,
      [MARK_FILTER]: pack(MarkConfig, marking),
      ...(overrides.length === 0 ? {} : { [BODIES_FILTER]: pack(CustomResponse, ofRoute(overrides)) }),
    },
  }),
};
