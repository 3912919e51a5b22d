import { z } from "zod";
import { addedHeaders, count, text, texts } from "./fields.ts";

const status = z.int().min(100).max(599);

const http = z
  .object({
    path: z.string().describe("Path that is asked for."),
    hostname: text("Host header of the check. Default: the cluster's name."),
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
    authority: text("The :authority header of the check. Default: the cluster's name."),
  })
  .optional()
  .describe("Checks by the gRPC health protocol; the upstream must speak HTTP/2 (grpc: true).");

export const healthChecksFields = {
  health_checks: z
    .array(
      z.object({
        timeout: text("Duration after which an unanswered check has failed, such as 3s. Default: 3s."),
        interval: text("Duration between checks, such as 5s. Default: 5s."),
        unhealthy_threshold: count("Failed checks in a row after which an endpoint gets no requests. Default: 2."),
        healthy_threshold: count("Good checks in a row after which it gets requests again. Default: 1."),
        health_check: z.object({ http, grpc }).describe("What is asked: exactly one of http and grpc."),
      }),
    )
    .min(1)
    .optional()
    .describe(
      "Active health checks of the Pods of a Service; they need a resolver that yields endpoints. Default: none.",
    ),
};
