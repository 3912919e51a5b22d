import { z } from "zod";
import { choice, integer, text } from "../features/fields.ts";
import { ambassadorId, labelSelector, withRules } from "./common.ts";

export const protocols = ["HTTP", "HTTPS", "HTTPPROXY", "HTTPSPROXY", "TCP", "TLS", "UDP"] as const;
export const protocolLayers = ["HTTP", "PROXY", "TLS", "TCP", "UDP"] as const;

const fields = z
  .object({
    ...ambassadorId,
    port: z
      .int()
      .min(1)
      .max(65_535)
      .meta({ description: "Port that is listened on.", examples: [8443] }),
    protocol: choice(
      protocols,
      "Short form of protocolStack: HTTPS stands for TLS, HTTP, TCP; HTTPPROXY for PROXY, HTTP, TCP. Exactly one of the two is needed.",
    ),
    protocolStack: z
      .array(z.enum(protocolLayers))
      .optional()
      .describe("Protocols from the application's down to TCP or UDP: TLS, HTTP, UDP is HTTP/3. Wins over protocol."),
    securityModel: z.enum(["XFP", "SECURE", "INSECURE"]).meta({
      description:
        "Which requests count as secure: XFP those whose X-Forwarded-Proto is https, SECURE all, INSECURE none.",
    }),
    hostBinding: z
      .object({
        namespace: z
          .object({
            from: choice(["SELF", "ALL"], "Hosts of the Listener's namespace, or of all namespaces."),
          })
          .optional()
          .describe("Namespaces whose Hosts are served."),
        selector: labelSelector("Hosts that are served, by label. Default: all."),
      })
      .meta({
        description: "Hosts that are served here: namespace, selector or both.",
        examples: [{ namespace: { from: "ALL" } }],
      }),
    l7Depth: integer(
      "Trusted proxies in front of the gateway: the client's address is taken that far from the end of X-Forwarded-For. Default: 0.",
      { min: 0, max: 2_147_483_647 },
    ),
    statsPrefix: text(
      "Start of the Listener's names in Envoy's statistics. Default: by protocol, such as ingress_https.",
    ),
    // Envoy refuses more: config/core/v3/protocol.proto.
    http2MaxConcurrentStreams: integer("Requests at the same time on one HTTP/2 connection. Default: Envoy's 1024.", {
      min: 1,
      max: 2_147_483_647,
    }),
  })
  .describe("A port that the gateway listens on, and the Hosts that it serves there.");

export const listenerSpecSchema = withRules(fields, [
  {
    cel: "has(self.protocol) || has(self.protocolStack)",
    holds: (spec) => spec.protocol !== undefined || spec.protocolStack !== undefined,
    message: "neither protocol nor protocolStack is there",
    advice: "write protocol: HTTPS or another protocol",
  },
]);

export type ListenerSpec = z.output<typeof listenerSpecSchema>;
