import { z } from "zod";
import { circuitBreakersFields } from "../features/circuit-breakers.ts";
import { choice, flag, integer, text, textMap, texts } from "../features/fields.ts";
import { ambassadorId, v2ExplicitTLS } from "./common.ts";
import {
  failureModes,
  longestCallMs,
  protocolVersion,
  serviceStatsName,
  serviceTarget,
  serviceTls,
} from "./external-service.ts";

export const authServiceSpecSchema = z
  .object({
    ...ambassadorId,
    auth_service: serviceTarget,
    ...serviceTls,
    proto: choice(
      ["http", "grpc"],
      "Protocol of the service: plain HTTP, or Envoy's ext_authz by gRPC. Default: http.",
    ),
    protocol_version: protocolVersion,
    path_prefix: text("Put before the path that an HTTP service is asked for. Default: none."),
    timeout_ms: integer("Milliseconds that an answer may take. Default: 5000.", { min: 0, max: longestCallMs }),
    allowed_request_headers: texts(
      "Request headers that an HTTP service gets, beside authorization, cookie, from, proxy-authorization, user-agent and x-forwarded-for, -host and -proto.",
    ),
    allowed_authorization_headers: texts(
      "Headers of the service's answer that go on with the request, beside location, authorization, proxy-authenticate, set-cookie and www-authenticate.",
    ),
    add_auth_headers: textMap("Headers added to requests to an HTTP service, by name."),
    ...failureModes,
    include_body: z
      .object({
        max_bytes: z.int().min(1).max(4_294_967_295).describe("Bytes of the body at most."),
        allow_partial: z
          .boolean()
          .describe("Whether a longer body is cut; otherwise the request is answered with 413."),
      })
      .optional()
      .describe("Sends the body of requests too. Default: no body."),
    allow_request_body: flag("Deprecated, use include_body: sends up to 4096 bytes of the body. Default: false."),
    failure_mode_allow: flag("Whether requests are let through while the service does not answer. Default: false."),
    status_on_error: z
      .object({ code: z.int().min(400).max(599).optional().describe("Status of the answer. Default: 403.") })
      .optional()
      .describe("What clients get while the service does not answer."),
    ...circuitBreakersFields,
    ...serviceStatsName,
    v2ExplicitTLS,
  })
  .describe("A service that every request must be allowed by.");

export type AuthServiceSpec = z.output<typeof authServiceSpecSchema>;
