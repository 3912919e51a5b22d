import { z } from "zod";
import { flag, integer, text } from "../features/fields.ts";
import { ambassadorId, v2ExplicitTLS } from "./common.ts";
import { longestCallMs, protocolVersion, serviceStatsName, serviceTarget, serviceTls } from "./external-service.ts";

export const rateLimitServiceSpecSchema = z
  .object({
    ...ambassadorId,
    service: serviceTarget,
    ...serviceTls,
    protocol_version: protocolVersion,
    domain: text(
      "Domain of the descriptors; labels of Mappings for other domains are left out. Default: the Module's default_label_domain, else ambassador.",
    ),
    timeout_ms: integer("Milliseconds that an answer may take. Default: 20.", { min: 0, max: longestCallMs }),
    failure_mode_deny: flag("Whether requests are refused while the service does not answer. Default: false."),
    grpc: z
      .object({
        use_resource_exhausted_code: flag(
          "Answers gRPC clients with RESOURCE_EXHAUSTED, not UNAVAILABLE. Default: false.",
        ),
      })
      .optional()
      .describe("Answers to gRPC clients over the limit."),
    ...serviceStatsName,
    v2ExplicitTLS,
  })
  .describe("A service of Envoy's rate limit protocol that counts requests by the labels of their Mappings.");

export type RateLimitServiceSpec = z.output<typeof rateLimitServiceSpecSchema>;
