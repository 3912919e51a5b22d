import { z } from "zod";
import { DURATION_ADVICE, durationMs } from "./duration.ts";
import { type Feature, invalid, nothing, refused, settings } from "./feature.ts";
import { choice, count, text } from "./fields.ts";
import { duration } from "./proto.ts";

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

export interface RetryPolicySettings {
  readonly retryOn: string;
  readonly numRetries?: number;
  readonly perTryTimeoutMs?: number;
}

export const retryPolicy: Feature<typeof retryPolicyFields, RetryPolicySettings> = {
  name: "retry-policy",
  fields: retryPolicyFields,
  ofGroup: { merge: [] },

  fromMapping(spec, { defaults }) {
    const policy = spec.retry_policy ?? defaults.retry_policy;
    if (policy === undefined) return nothing;
    const { retry_on: retryOn, num_retries: numRetries, per_try_timeout: perTryTimeout } = policy;
    if (retryOn === undefined) {
      const message = "there is no condition, so that nothing would be sent again";
      return refused({
        path: ["retry_policy", "retry_on"],
        message,
        advice: `use one of ${retryConditions.join(", ")}`,
      });
    }
    const perTryTimeoutMs = perTryTimeout === undefined ? undefined : durationMs(perTryTimeout);
    if (perTryTimeout !== undefined && perTryTimeoutMs === undefined) {
      const problem = invalid(
        ["retry_policy", "per_try_timeout"],
        `${JSON.stringify(perTryTimeout)} is not a duration`,
        DURATION_ADVICE,
      );
      return { value: undefined, problems: [problem] };
    }
    return settings({
      retryOn,
      ...(numRetries === undefined ? {} : { numRetries }),
      ...(perTryTimeoutMs === undefined ? {} : { perTryTimeoutMs }),
    });
  },

  forward: ({ retryOn, numRetries, perTryTimeoutMs }, action) => ({
    ...action,
    retryPolicy: {
      retryOn,
      ...(numRetries === undefined ? {} : { numRetries }),
      ...(perTryTimeoutMs === undefined ? {} : { perTryTimeout: duration(perTryTimeoutMs) }),
    },
  }),
};
