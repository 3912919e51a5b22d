import { z } from "zod";
import { text } from "../features/fields.ts";
import { ambassadorId } from "./common.ts";

export const consulResolverSpecSchema = z
  .object({
    ...ambassadorId,
    address: text(
      "Host and port of Consul, with https:// in front where it speaks TLS; variables of the gateway's environment, such as ${HOST_IP}, are filled in. Default: CONSUL_HTTP_ADDR of that environment, else 127.0.0.1:8500.",
    ),
    datacenter: text("Datacenter whose services are looked up. Required."),
  })
  .describe("Finds services in Consul; Envoy balances over their healthy instances.");

export type ConsulResolverSpec = z.output<typeof consulResolverSpecSchema>;
