/** Fields that kinds which name a service outside of routing have in common: authorization, rate limits, logs, traces. */
import { z } from "zod";
import { flag, text } from "../features/fields.ts";

export const serviceTarget = z.string().meta({
  description: "Where the service is: [scheme://]name[.namespace][:port]. With https:// it is called by TLS.",
  examples: ["example-service.default:3000"],
});

export const serviceTls = {
  tls: text("Name of the TLSContext for TLS to the service. Default: none."),
};

export const serviceStatsName = {
  stats_name: text("Name of the service in Envoy's statistics. Default: its address, with _ for other signs."),
};

export const failureModes = {
  add_linkerd_headers: flag(
    "Adds l5d-dst-override to requests to the service. Default: the Module's add_linkerd_headers, else false.",
  ),
};

/** The default of v2's days is refused by every Envoy there still is, so that it is only told. */
export const protocolVersion = z
  .enum(["v2", "v3"])
  .optional()
  .describe("Version of Envoy's protocol that the service speaks. Only v3 is spoken; v2 is refused. Default: v3.");

/** Envoy refuses longer ones: http_uri.proto, below 2^32 seconds. */
export const longestCallMs = 4_294_967_295_000;
