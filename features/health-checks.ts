import { z } from "zod";
import type { PathStep } from "../ir/problem.ts";
import type { HealthCheck } from "../xds/generated/envoy/config/core/v3/health_check.ts";
import { DURATION_ADVICE, durationMs } from "./duration.ts";
import { checked, type Feature, type FieldProblem, ignored, invalid, nothing, oneLineProblems } from "./feature.ts";
import { addedHeaders, count, text, texts } from "./fields.ts";
import { headerNameProblems, headerValueProblems } from "./header-value.ts";
import { type AddedHeader, headerValueOption } from "./headers.ts";
import { duration } from "./proto.ts";

const status = z.int().min(100).max(599);

const http = z
  .object({
    path: z.string().describe("Path that is asked for."),
    hostname: text("Host header of the check. Default: the service's name."),
    add_request_headers: addedHeaders("Headers added to the check, by name."),
    remove_request_headers: texts("Names of headers removed from the check."),
    expected_statuses: z
      .array(
        z.object({
          min: status.describe("First status that counts as healthy."),
          max: status.describe("Last status that counts as healthy, itself included."),
        }),
      )
      .optional()
      .describe("Statuses that count as healthy. Default: 200."),
  })
  .optional()
  .describe("Checks by an HTTP request.");

const grpc = z
  .object({
    upstream_name: z.string().describe("Service asked for in the gRPC health check."),
    authority: text("The :authority header of the check. Default: the service's name."),
  })
  .optional()
  .describe("Checks by the gRPC health protocol; the upstream must speak HTTP/2 (grpc: true).");

const item = z.object({
  timeout: text("Duration after which an unanswered check has failed, such as 3s. Default: 3s."),
  interval: text("Duration between checks, such as 5s. Default: 5s."),
  unhealthy_threshold: count("Failed checks in a row after which an endpoint gets no requests. Default: 2."),
  healthy_threshold: count("Good checks in a row after which it gets requests again. Default: 1."),
  health_check: z.object({ http, grpc }).describe("What is asked: exactly one of http and grpc."),
});

export const healthChecksFields = {
  health_checks: z
    .array(item)
    .min(1)
    .optional()
    .describe(
      "Active health checks of the Pods of a Service; they need a resolver that yields endpoints. Default: none.",
    ),
};

export type Check =
  | {
      readonly kind: "http";
      readonly path: string;
      readonly host: string;
      readonly addHeaders: readonly AddedHeader[];
      readonly removeHeaders: readonly string[];
      /** First and last status, both included. */
      readonly statuses: readonly (readonly [number, number])[];
    }
  | { readonly kind: "grpc"; readonly service: string; readonly authority: string };

export interface HealthCheckSettings {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly check: Check;
}

type Written = z.output<typeof item>;

function positiveMs(text: string | undefined, usualMs: number, at: PathStep[], problems: FieldProblem[]): number {
  if (text === undefined) return usualMs;
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  const what = ms === undefined ? "is not a duration" : "is no time at all";
  problems.push(invalid(at, `${JSON.stringify(text)} ${what}`, DURATION_ADVICE));
  return usualMs;
}

function httpCheck(
  written: NonNullable<Written["health_check"]["http"]>,
  host: string,
  at: PathStep[],
  problems: FieldProblem[],
): Check {
  const {
    path,
    hostname,
    add_request_headers: toAdd = {},
    remove_request_headers: toRemove = [],
    expected_statuses: statuses = [],
  } = written;
  if (path.startsWith("/")) problems.push(...oneLineProblems(path, [...at, "path"]));
  else
    problems.push(
      invalid(
        [...at, "path"],
        `${JSON.stringify(path)} does not start with a slash`,
        `write ${JSON.stringify(`/${path}`)}`,
      ),
    );
  problems.push(...oneLineProblems(hostname, [...at, "hostname"]));
  for (const [name, { value = "" }] of Object.entries(toAdd)) {
    const place = [...at, "add_request_headers", name];
    problems.push(...headerNameProblems(name, place), ...headerValueProblems(value, [...place, "value"]));
  }
  toRemove.forEach((name, index) =>
    problems.push(...headerNameProblems(name, [...at, "remove_request_headers", index])),
  );
  statuses.forEach(({ min, max }, index) => {
    if (min <= max) return;
    problems.push(
      invalid([...at, "expected_statuses", index], `no status is from ${min} to ${max}`, "write the lower one as min"),
    );
  });
  return {
    kind: "http",
    path,
    host: hostname ?? host,
    addHeaders: Object.entries(toAdd).map(([name, { value = "", append = true }]) => ({ name, value, append })),
    removeHeaders: toRemove,
    statuses: statuses.map(({ min, max }) => [min, max]),
  };
}

function checkOf(
  { http, grpc }: Written["health_check"],
  host: string,
  at: PathStep[],
  problems: FieldProblem[],
): Check | undefined {
  if (http !== undefined && grpc === undefined) return httpCheck(http, host, [...at, "http"], problems);
  if (grpc !== undefined && http === undefined) {
    problems.push(...oneLineProblems(grpc.authority, [...at, "grpc", "authority"]));
    return { kind: "grpc", service: grpc.upstream_name, authority: grpc.authority ?? host };
  }
  const message = http === undefined ? "it says nothing of what is asked" : "http and grpc are both set";
  problems.push(invalid(at, message, "write exactly one of http and grpc"));
  return undefined;
}

function checker(check: Check): HealthCheck["healthChecker"] {
  if (check.kind === "grpc") {
    return { $case: "grpcHealthCheck", value: { serviceName: check.service, authority: check.authority } };
  }
  return {
    $case: "httpHealthCheck",
    value: {
      path: check.path,
      host: check.host,
      requestHeadersToAdd: check.addHeaders.map(headerValueOption),
      requestHeadersToRemove: [...check.removeHeaders],
      // Envoy's ranges end before their end.
      expectedStatuses: check.statuses.map(([first, last]) => ({ start: first, end: last + 1 })),
    },
  };
}

export const healthChecks: Feature<typeof healthChecksFields, readonly HealthCheckSettings[]> = {
  name: "health-checks",
  fields: healthChecksFields,

  fromMapping({ health_checks: written }, { upstream }) {
    if (written === undefined || upstream === undefined) return nothing;
    if (upstream.endpoints !== "slices" && upstream.endpoints !== "consul") {
      const message = "the target is one address and not the Pods of a Service, so that nothing is checked";
      return {
        value: undefined,
        problems: [ignored(["health_checks"], message, "add resolver: endpoint, or remove it")],
      };
    }
    const problems: FieldProblem[] = [];
    const settings = written.flatMap((each, index): HealthCheckSettings[] => {
      const at: PathStep[] = ["health_checks", index];
      const check = checkOf(each.health_check, upstream.host, [...at, "health_check"], problems);
      if (check?.kind === "grpc" && !upstream.http2) {
        problems.push(
          invalid(
            [...at, "health_check", "grpc"],
            "the check needs HTTP/2, and this service is spoken to by HTTP/1.1",
            "add grpc: true",
          ),
        );
      }
      const timeoutMs = positiveMs(each.timeout, 3000, [...at, "timeout"], problems);
      const intervalMs = positiveMs(each.interval, 5000, [...at, "interval"], problems);
      const { unhealthy_threshold: unhealthyThreshold = 2, healthy_threshold: healthyThreshold = 1 } = each;
      return check === undefined ? [] : [{ timeoutMs, intervalMs, unhealthyThreshold, healthyThreshold, check }];
    });
    return checked(settings, problems);
  },

  cluster: (settings, cluster) => ({
    ...cluster,
    healthChecks: settings.map(({ timeoutMs, intervalMs, unhealthyThreshold, healthyThreshold, check }, index) => ({
      // Envoy wants each of several to have a name.
      name: `${index}`,
      timeout: duration(timeoutMs),
      interval: duration(intervalMs),
      // Otherwise Envoy checks an upstream without traffic once a minute, and the first requests meet what was true then.
      noTrafficInterval: duration(intervalMs),
      unhealthyThreshold,
      healthyThreshold,
      healthChecker: checker(check),
    })),
  }),
};
