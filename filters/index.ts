/**
 * Every HTTP filter that may come and go, in the order in which requests pass them. Adding one is adding a line.
 * Like features/index.ts it has the one cast: a filter's settings are read back only by the filter that they are for.
 */
import { authUnusable } from "./auth-unusable.ts";
import { extAuthz } from "./ext-authz.ts";
import type { AnyFilter } from "./filter.ts";
import { rateLimit } from "./rate-limit.ts";

export const filters: readonly AnyFilter[] = [extAuthz, authUnusable, rateLimit] as unknown as readonly AnyFilter[];
