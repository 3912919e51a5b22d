import { z } from "zod";
import { type Feature, type FieldProblem, ignored, nothing } from "./feature.ts";
import { choice, count } from "./fields.ts";

export const circuitBreakersFields = {
  circuit_breakers: z
    .array(
      z.object({
        priority: choice(["default", "high"], "Requests of this priority are counted. Default: default."),
        max_connections: count("Connections to the upstream at the same time. Default: 1024."),
        max_pending_requests: count("Requests that wait for a connection at the same time. Default: 1024."),
        max_requests: count("Requests in flight at the same time. Default: 1024."),
        max_retries: count("Retries in flight at the same time. Default: 3."),
      }),
    )
    .optional()
    .describe(
      "Limits per upstream and gateway replica; what exceeds them is answered 503 at once. Default: the Module's circuit_breakers, else Envoy's.",
    ),
};

export interface Thresholds {
  readonly priority: "default" | "high";
  readonly maxConnections?: number | undefined;
  readonly maxPendingRequests?: number | undefined;
  readonly maxRequests?: number | undefined;
  readonly maxRetries?: number | undefined;
}

const priorities = { default: 0, high: 1 } as const;

export const circuitBreakers: Feature<typeof circuitBreakersFields, readonly Thresholds[]> = {
  name: "circuit-breakers",
  fields: circuitBreakersFields,

  fromMapping(spec, { defaults }) {
    const written = spec.circuit_breakers ?? defaults.circuit_breakers ?? [];
    const problems: FieldProblem[] = [];
    const byPriority = new Map<string, Thresholds>();
    written.forEach(
      ({ priority = "default", max_connections, max_pending_requests, max_requests, max_retries }, index) => {
        if (byPriority.has(priority)) {
          const message = `an earlier item has the limits of the priority ${priority}, which count`;
          problems.push(ignored(["circuit_breakers", index], message, "write one item for each priority"));
          return;
        }
        byPriority.set(priority, {
          priority,
          maxConnections: max_connections,
          maxPendingRequests: max_pending_requests,
          maxRequests: max_requests,
          maxRetries: max_retries,
        });
      },
    );
    return byPriority.size === 0 ? nothing : { value: [...byPriority.values()], problems };
  },

  cluster: (thresholds, cluster) => ({
    ...cluster,
    circuitBreakers: {
      thresholds: thresholds.map(({ priority, ...limits }) => ({ priority: priorities[priority], ...limits })),
    },
  }),
};
