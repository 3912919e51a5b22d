import { z } from "zod";
import { ambassadorId } from "./common.ts";

export const kubernetesEndpointResolverSpecSchema = z
  .object(ambassadorId)
  .describe("Sends requests to the Pods of a Service directly; Envoy balances over them, as load_balancer says.");

export type KubernetesEndpointResolverSpec = z.output<typeof kubernetesEndpointResolverSpecSchema>;
