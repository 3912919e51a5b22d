import { z } from "zod";
import { circuitBreakersFields } from "../features/circuit-breakers.ts";
import { clusterTagFields } from "../features/cluster-tag.ts";
import { dnsFields } from "../features/dns.ts";
import { flag, integer, text } from "../features/fields.ts";
import { statsNameFields } from "../features/stats-name.ts";
import { ambassadorId, v2ExplicitTLS } from "./common.ts";

export const tcpMappingSpecSchema = z
  .object({
    ...ambassadorId,
    port: z
      .int()
      .min(1)
      .max(65_535)
      .meta({ description: "Port that connections arrive at.", examples: [6789] }),
    host: text(
      "Name that clients ask for by SNI, *.name for all below it, or * for all; connections for other names are not taken. TLS ends at the gateway, with the certificate of a Host or TLSContext of that name. Default: every connection, with TLS or without.",
    ),
    tls_passthrough: flag(
      "Whether TLS goes on to the service instead of ending at the gateway, which then only reads the name in it. It needs host. Default: false.",
    ),
    address: text("Address that is listened on. Default: AMBASSADOR_ENVOY_BIND_ADDRESS, else 0.0.0.0."),
    service: z.string().meta({
      description: "Where connections go: [scheme://]name[.namespace][:port]. With https:// they go by TLS.",
      examples: ["redis.default:6379"],
    }),
    resolver: text(
      "Name of the resolver that finds the service. Default: the Module's resolver, else kubernetes-service.",
    ),
    tls: text("Name of the TLSContext for TLS to the service. Default: none."),
    weight: integer(
      "Percent of the connections that this TCPMapping takes where several have the same port and host. Default: an equal share of what the others leave.",
      { min: 0, max: 100 },
    ),
    idle_timeout_ms: z
      .union([z.string(), z.int().min(0)])
      .optional()
      .describe(
        "Milliseconds after which a connection without traffic is closed; 0 means never. Default: Envoy's one hour.",
      ),
    ...circuitBreakersFields,
    ...clusterTagFields,
    ...statsNameFields,
    enable_ipv4: dnsFields.enable_ipv4,
    enable_ipv6: dnsFields.enable_ipv6,
    v2ExplicitTLS,
  })
  .describe("Which TCP connections are taken, and where they go.");

export type TCPMappingSpec = z.output<typeof tcpMappingSpecSchema>;
