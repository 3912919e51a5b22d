import { type Feature, settings } from "./feature.ts";
import { milliseconds } from "./fields.ts";
import { duration } from "./proto.ts";

export const timeoutsFields = {
  timeout_ms: milliseconds(
    "Milliseconds for the whole response of the upstream; 0 means no limit. Default: the Module's cluster_request_timeout_ms, else 3000.",
  ),
  idle_timeout_ms: milliseconds(
    "Milliseconds that a request's stream may pass no data in either direction; 0 means no limit. Default: Envoy's five minutes.",
  ),
};

export interface TimeoutSettings {
  readonly timeoutMs: number;
  readonly idleTimeoutMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 3000;

export const timeouts: Feature<typeof timeoutsFields, TimeoutSettings> = {
  name: "timeouts",
  fields: timeoutsFields,

  fromMapping(spec, { defaults }) {
    return settings({
      timeoutMs: spec.timeout_ms ?? defaults.cluster_request_timeout_ms ?? DEFAULT_TIMEOUT_MS,
      ...(spec.idle_timeout_ms === undefined ? {} : { idleTimeoutMs: spec.idle_timeout_ms }),
    });
  },

  forward({ timeoutMs, idleTimeoutMs }, action) {
    const timeout = duration(timeoutMs);
    return idleTimeoutMs === undefined
      ? { ...action, timeout }
      : { ...action, timeout, idleTimeout: duration(idleTimeoutMs) };
  },
};
