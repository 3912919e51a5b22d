/**
 * Every HTTP filter that may come and go, in the order in which requests pass them. Adding one is adding a line.
 * Like features/index.ts it has the one cast: a filter's settings are read back only by the filter that they are for.
 */
import { authUnusable } from "./auth-unusable.ts";
import { buffer } from "./buffer.ts";
import { cors } from "./cors.ts";
import { errorBodies, errorBodiesMark } from "./error-overrides.ts";
import { extAuthz } from "./ext-authz.ts";
import type { AnyFilter, AnyModuleFilter } from "./filter.ts";
import { grpcHttp1Bridge } from "./grpc-http1-bridge.ts";
import { grpcStats } from "./grpc-stats.ts";
import { grpcWeb } from "./grpc-web.ts";
import { gzip } from "./gzip.ts";
import { ipRules } from "./ip-rules.ts";
import { lua } from "./lua.ts";
import { rateLimit } from "./rate-limit.ts";

/** Those that the Module asks for. */
export const moduleFilters: readonly AnyModuleFilter[] = [
  grpcHttp1Bridge,
  grpcWeb,
  grpcStats,
  lua,
  gzip,
  buffer,
  ipRules,
] as unknown as readonly AnyModuleFilter[];

export const filters: readonly AnyFilter[] = [
  errorBodies,
  errorBodiesMark,
  ...moduleFilters,
  cors,
  extAuthz,
  authUnusable,
  rateLimit,
] as unknown as readonly AnyFilter[];
