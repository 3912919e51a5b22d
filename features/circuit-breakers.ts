import { z } from "zod";
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
