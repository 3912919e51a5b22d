import { z } from "zod";
import { choice, count, text } from "./fields.ts";

export const retryConditions = [
  "5xx",
  "gateway-error",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
] as const;

export const retryPolicyFields = {
  retry_policy: z
    .object({
      retry_on: choice(retryConditions, "Condition under which a request is sent again."),
      num_retries: count("How many times a request is sent again at most. Default: 1."),
      per_try_timeout: text("Duration of one try, such as 2s or 500ms. Default: the request's timeout."),
    })
    .optional()
    .describe("When a failed request is sent again. Default: the Module's retry_policy."),
};
