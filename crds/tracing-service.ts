import { z } from "zod";
import { choice, flag, integer, text, texts } from "../features/fields.ts";
import { ambassadorId } from "./common.ts";
import { serviceStatsName, serviceTarget } from "./external-service.ts";

const percent = { min: 0, max: 100 };

const tag = z.object({
  tag: z.string().describe("Name of the tag."),
  literal: z
    .object({ value: z.string().describe("Value of the tag.") })
    .optional()
    .describe("A fixed value."),
  environment: z
    .object({
      name: z.string().describe("Name of the variable."),
      default_value: text("Value where the variable is not set. Default: the tag is left out."),
    })
    .optional()
    .describe("The value of an environment variable of the gateway."),
  request_header: z
    .object({
      name: z.string().describe("Name of the header."),
      default_value: text("Value where the header is missing. Default: the tag is left out."),
    })
    .optional()
    .describe("The value of a request header."),
});

export const tracingServiceSpecSchema = z
  .object({
    ...ambassadorId,
    driver: z
      .enum(["zipkin", "datadog", "opentelemetry", "lightstep"])
      .describe("Protocol of the collector. lightstep is refused: Envoy has no such driver any more."),
    service: serviceTarget,
    sampling: z
      .object({
        client: integer("Percent of the requests with x-client-trace-id that are traced. Default: 100.", percent),
        random: integer("Percent of the other requests that are traced. Default: 100.", percent),
        overall: integer("Percent of all that is left after the others. Default: 100.", percent),
      })
      .optional()
      .describe("How many requests are traced."),
    custom_tags: z.array(tag).optional().describe("Tags of each span; each has exactly one source."),
    tag_headers: texts("Deprecated, use custom_tags: request headers whose values become tags."),
    config: z
      .object({
        access_token_file: text("Accepted for compatibility, without effect: it was lightstep's."),
        collector_cluster: text("Accepted for compatibility, without effect: service names the collector."),
        collector_endpoint: text("Path that Zipkin spans are sent to. Default: /api/v2/spans."),
        collector_endpoint_version: choice(
          ["HTTP_JSON", "HTTP_PROTO", "HTTP_JSON_V1"],
          "Encoding of Zipkin spans; HTTP_JSON_V1 is refused, since Envoy has it no more. Default: HTTP_JSON.",
        ),
        collector_hostname: text("Host that calls to the collector name. Default: the service's name and port."),
        propagation_modes: z
          .array(z.enum(["ENVOY", "LIGHTSTEP", "B3", "TRACE_CONTEXT"]))
          .optional()
          .describe("Accepted for compatibility, without effect: they were lightstep's."),
        trace_id_128bit: flag("Whether Zipkin trace ids have 128 bits. Default: true."),
        shared_span_context: flag("Whether client and server share a Zipkin span. Default: true."),
        service_name: text("Name of the gateway in Datadog's and OpenTelemetry's traces. Default: ambassador."),
      })
      .optional()
      .describe("Settings of the driver."),
    ...serviceStatsName,
  })
  .describe("A collector that gets a span for each traced request.");

export type TracingServiceSpec = z.output<typeof tracingServiceSpecSchema>;
