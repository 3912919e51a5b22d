/**
 * Every feature that is compiled, in the order of application. Adding one is adding a line.
 * The one cast of the project's core: a feature's settings are read back only by the feature that made them.
 */
import { auth } from "./auth.ts";
import { circuitBreakers } from "./circuit-breakers.ts";
import { connection } from "./connection.ts";
import { cors } from "./cors.ts";
import { dns } from "./dns.ts";
import type { AnyFeature } from "./feature.ts";
import { errorOverrides } from "./error-overrides.ts";
import { grpc } from "./grpc.ts";
import { headerCase } from "./header-case.ts";
import { headers } from "./headers.ts";
import { healthChecks } from "./health-checks.ts";
import { hostRewrite } from "./host-rewrite.ts";
import { keepalive } from "./keepalive.ts";
import { labels } from "./labels.ts";
import { loadBalancer } from "./load-balancer.ts";
import { outlierDetection } from "./outlier-detection.ts";
import { priority } from "./priority.ts";
import { retryPolicy } from "./retry-policy.ts";
import { rewrite } from "./rewrite.ts";
import { shadow } from "./shadow.ts";
import { statsName } from "./stats-name.ts";
import { timeouts } from "./timeouts.ts";
import { upgrades } from "./upgrades.ts";

export const features: readonly AnyFeature[] = [
  rewrite,
  hostRewrite,
  headers,
  cors,
  auth,
  labels,
  timeouts,
  retryPolicy,
  priority,
  shadow,
  upgrades,
  loadBalancer,
  circuitBreakers,
  connection,
  keepalive,
  dns,
  healthChecks,
  outlierDetection,
  errorOverrides,
  statsName,
  grpc,
  headerCase,
] as unknown as readonly AnyFeature[];

/** Spec fields that a feature reads. */
export const featureFieldNames: ReadonlySet<string> = new Set(
  features.flatMap((feature) => Object.keys(feature.fields)),
);
