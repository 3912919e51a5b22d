/**
 * Every HTTP filter that may come and go, in the order in which requests pass them. Adding one is adding a line.
 * Like features/index.ts it has the one cast: a filter's settings are read back only by the filter that they are for.
 */
import { errorBodies, errorBodiesMark } from "./error-overrides.ts";
import type { AnyFilter } from "./filter.ts";

export const filters: readonly AnyFilter[] = [errorBodies, errorBodiesMark] as unknown as readonly AnyFilter[];
