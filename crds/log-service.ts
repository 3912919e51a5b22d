import { z } from "zod";
import { choice, count, flag, text } from "../features/fields.ts";
import { ambassadorId } from "./common.ts";
import { protocolVersion, serviceStatsName } from "./external-service.ts";

const header = z.object({
  header_name: z.string().describe("Name of the header."),
  during_request: flag("Whether it is taken from the request. Default: true."),
  during_response: flag("Whether it is taken from the response. Default: true."),
  during_trailer: flag("Whether it is taken from the response's trailers. Default: true."),
});

export const logServiceSpecSchema = z
  .object({
    ...ambassadorId,
    service: text("Where the service is: name[.namespace][:port]. Required for anything to be logged."),
    driver: choice(
      ["tcp", "http"],
      "What entries tell: http of requests, tcp of connections, be it those of TCPMappings or of requests. Required for anything to be logged.",
    ),
    driver_config: z
      .object({
        additional_log_headers: z
          .array(header)
          .optional()
          .describe("Headers that are logged beside Envoy's own choice; for driver http."),
      })
      .optional()
      .describe("What is logged of a request."),
    flush_interval_time: count("Seconds after which entries are sent at the latest. Default: 1.", 1),
    flush_interval_byte_size: count("Bytes of entries after which they are sent sooner. Default: 16384."),
    grpc: flag("Accepted for compatibility, without effect: entries always go by gRPC."),
    protocol_version: protocolVersion,
    ...serviceStatsName,
  })
  .describe("A service of Envoy's access log protocol that gets an entry for each request or connection.");

export type LogServiceSpec = z.output<typeof logServiceSpecSchema>;
