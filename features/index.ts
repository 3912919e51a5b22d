/**
 * Every feature that is compiled, in the order of application. Adding one is adding a line.
 * The one cast of the project's core: a feature's settings are read back only by the feature that made them.
 */
import type { AnyFeature } from "./feature.ts";
import { connection } from "./connection.ts";
import { grpc } from "./grpc.ts";
import { headers } from "./headers.ts";
import { rewrite } from "./rewrite.ts";
import { shadow } from "./shadow.ts";
import { timeouts } from "./timeouts.ts";

export const features: readonly AnyFeature[] = [
  rewrite,
  headers,
  timeouts,
  shadow,
  connection,
  grpc,
] as unknown as readonly AnyFeature[];

/** Spec fields that a feature reads. */
export const featureFieldNames: ReadonlySet<string> = new Set(
  features.flatMap((feature) => Object.keys(feature.fields)),
);
