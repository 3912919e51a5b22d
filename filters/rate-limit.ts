import { duration, pack } from "../features/proto.ts";
import { RateLimit } from "../xds/generated/envoy/extensions/filters/http/ratelimit/v3/rate_limit.ts";
import type { Filter } from "./filter.ts";

export interface RateLimitSettings {
  readonly cluster: string;
  /** host:port of the service. */
  readonly authority: string;
  readonly domain: string;
  readonly timeoutMs: number;
  /** Requests are refused while there is no answer. */
  readonly failureModeDeny: boolean;
  /** Answers gRPC clients over the limit with RESOURCE_EXHAUSTED, not UNAVAILABLE. */
  readonly asResourceExhausted: boolean;
}

const V3 = 2;

export const rateLimit: Filter<RateLimitSettings> = {
  name: "envoy.filters.http.ratelimit",

  toFilter({ cluster, authority, domain, timeoutMs, failureModeDeny, asResourceExhausted }) {
    return pack(RateLimit, {
      domain,
      timeout: duration(timeoutMs),
      ...(failureModeDeny ? { failureModeDeny } : {}),
      ...(asResourceExhausted ? { rateLimitedAsResourceExhausted: true } : {}),
      rateLimitService: {
        // Without an authority Envoy writes the name of the cluster, which is no host name.
        grpcService: { targetSpecifier: { $case: "envoyGrpc", value: { clusterName: cluster, authority } } },
        transportApiVersion: V3,
      },
    });
  },
};
