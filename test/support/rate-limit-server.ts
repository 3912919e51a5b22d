import type { ServerCredentials } from "@grpc/grpc-js";
import type { Call } from "./grpc-server.ts";
import {
  RateLimitRequest,
  RateLimitResponse,
  RateLimitResponse_Code,
} from "../../xds/generated/envoy/service/ratelimit/v3/rls.ts";
import { grpcServer, unary } from "./grpc-server.ts";

/** A descriptor as a list of `key=value`. */
export type Descriptor = readonly string[];

export interface RateLimitServer {
  readonly port: number;
  readonly asked: { readonly domain: string; readonly descriptors: readonly Descriptor[] }[];
  readonly metadata: Readonly<Record<string, unknown>>[];
  /** What it answers from now on; by default nothing is over the limit. */
  verdict: (descriptors: readonly Descriptor[]) => RateLimitResponse;
  close(): void;
}

const withinLimit: RateLimitResponse = { overallCode: RateLimitResponse_Code.OK };

/** Over the limit, with headers for the client. */
export function overLimit(headers: Readonly<Record<string, string>> = {}): RateLimitResponse {
  const responseHeadersToAdd = Object.entries(headers).map(([key, value]) => ({ key, value }));
  return { overallCode: RateLimitResponse_Code.OVER_LIMIT, responseHeadersToAdd };
}

const shouldRateLimit = unary(
  "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
  RateLimitRequest,
  RateLimitResponse,
);

/** A rate limit service by gRPC, envoy.service.ratelimit.v3. */
export async function rateLimitServer(credentials?: ServerCredentials): Promise<RateLimitServer> {
  const asked: RateLimitServer["asked"] = [];
  const metadata: Readonly<Record<string, unknown>>[] = [];
  const { port, close } = await grpcServer(
    shouldRateLimit,
    (call: Call<RateLimitRequest>) => {
      const { domain = "", descriptors = [] } = call.request;
      const entries = descriptors.map((each) => (each.entries ?? []).map(({ key, value }) => `${key}=${value}`));
      asked.push({ domain, descriptors: entries });
      metadata.push({ ":authority": call.getHost() });
      return server.verdict(entries);
    },
    credentials,
  );
  const server: RateLimitServer = { port, asked, metadata, verdict: () => withinLimit, close };
  return server;
}
