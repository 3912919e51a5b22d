import { z } from "zod";
import { flag, text } from "./fields.ts";

export const loadBalancerPolicies = ["round_robin", "ring_hash", "maglev", "least_request"] as const;

export const loadBalancerFields = {
  load_balancer: z
    .object({
      policy: z
        .enum(loadBalancerPolicies)
        .describe(
          "How an endpoint is chosen. ring_hash and maglev keep a client on an endpoint and need exactly one of cookie, header and source_ip; the others take none.",
        ),
      cookie: z
        .object({
          name: z.string().describe("Name of the cookie whose value chooses the endpoint."),
          path: text("Path of a cookie that Envoy sets. Default: none."),
          ttl: text("Life of a cookie that Envoy sets where the client sent none, such as 60s. Default: not set."),
        })
        .optional()
        .describe("Chooses the endpoint by a cookie."),
      header: text("Name of the request header whose value chooses the endpoint."),
      source_ip: flag("Chooses the endpoint by the client's address. Default: false."),
    })
    .optional()
    .describe(
      "Balancing over the Pods of a Service; it needs a resolver that yields endpoints. Default: the Module's load_balancer, else round_robin.",
    ),
};
