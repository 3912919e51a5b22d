import { z } from "zod";
import type { PathStep } from "../ir/problem.ts";
import { CorsPolicy } from "../xds/generated/envoy/extensions/filters/http/cors/v3/cors.ts";
import type { StringMatcher } from "../xds/generated/envoy/type/matcher/v3/string.ts";
import { checked, type Feature, type FieldProblem, ignored, nothing, oneLineProblems } from "./feature.ts";
import { flag, text, texts } from "./fields.ts";
import { pack } from "./proto.ts";

export const corsFields = {
  cors: z
    .object({
      origins: texts("Origins allowed to read responses, such as https://app.example.com, or *."),
      methods: texts("Methods allowed in preflight answers."),
      headers: texts("Request headers allowed in preflight answers."),
      credentials: flag("Whether requests with cookies or authorization are allowed. Default: false."),
      exposed_headers: texts("Response headers that scripts may read."),
      max_age: text("Seconds that a browser may keep a preflight answer, as a string such as 86400."),
      v2CommaSeparatedOrigins: flag("How v2 wrote the origins; kept for conversion, without effect."),
    })
    .optional()
    .describe("Cross-origin resource sharing. Default: the Module's cors."),
};

export interface CorsSettings {
  /** Compared as they are; `*` stands for every origin. */
  readonly origins: readonly string[];
  readonly methods?: string | undefined;
  readonly headers?: string | undefined;
  readonly exposedHeaders?: string | undefined;
  readonly maxAgeSeconds?: string | undefined;
  readonly credentials: boolean;
}

const ANY = "*";

function originProblems(origins: readonly string[], credentials: boolean): FieldProblem[] {
  if (origins.length === 0) {
    return [
      ignored(
        ["cors"],
        "it names no origin, so that it allows nothing",
        "add origins, such as https://app.example.com",
      ),
    ];
  }
  const problems: FieldProblem[] = [];
  origins.forEach((origin, index) => {
    const at: PathStep[] = ["cors", "origins", index];
    if (origin === ANY) return;
    const shown = JSON.stringify(origin);
    if (origin.includes("*")) {
      problems.push(
        ignored(
          at,
          `${shown} is compared as it is written, and no origin has a "*"`,
          'write each origin, or "*" for all',
        ),
      );
    } else if (origin.endsWith("/")) {
      problems.push(
        ignored(
          at,
          `${shown} ends in a slash, and no origin does`,
          `write ${JSON.stringify(origin.replace(/\/+$/, ""))}`,
        ),
      );
    }
  });
  if (credentials && origins.includes(ANY)) {
    problems.push({
      code: "InvalidField",
      severity: "warning",
      path: ["cors", "origins"],
      message: '"*" with credentials lets every web site read what the user may read',
      advice: "write the origins that you trust",
    });
  }
  return problems;
}

/** Envoy takes an exact "*" for every origin: cors_filter.cc, isOriginAllowed. */
function exactly(origin: string): StringMatcher {
  return { matchPattern: { $case: "exact", value: origin } };
}

export const cors: Feature<typeof corsFields, CorsSettings> = {
  name: "cors",
  fields: corsFields,
  ofGroup: { merge: [] },

  fromMapping(spec, { defaults }) {
    const written = spec.cors ?? defaults.cors;
    if (written === undefined) return nothing;
    const { origins = [], credentials = false, max_age: maxAge } = written;
    const problems = originProblems(origins, credentials);
    const isAge = maxAge === undefined || /^\d+$/.test(maxAge);
    if (!isAge) {
      const message = `${JSON.stringify(maxAge)} is not a number of seconds, and browsers would not take it`;
      problems.push(ignored(["cors", "max_age"], message, 'write seconds as a string, such as "86400"'));
    }
    const list = (field: "methods" | "headers" | "exposed_headers"): string | undefined => {
      const names = written[field];
      if (names === undefined || names.length === 0) return undefined;
      problems.push(...oneLineProblems(names.join(), ["cors", field]));
      return names.join(", ");
    };
    const value: CorsSettings = {
      origins,
      methods: list("methods"),
      headers: list("headers"),
      exposedHeaders: list("exposed_headers"),
      maxAgeSeconds: isAge ? maxAge : undefined,
      credentials,
    };
    return origins.length === 0 ? { value: undefined, problems } : checked(value, problems);
  },

  route: ({ origins, methods, headers, exposedHeaders, maxAgeSeconds, credentials }, route) => ({
    ...route,
    typedPerFilterConfig: {
      ...route.typedPerFilterConfig,
      "envoy.filters.http.cors": pack(CorsPolicy, {
        allowOriginStringMatch: origins.map(exactly),
        allowMethods: methods,
        allowHeaders: headers,
        exposeHeaders: exposedHeaders,
        maxAge: maxAgeSeconds,
        allowCredentials: credentials,
      }),
    },
  }),
};
