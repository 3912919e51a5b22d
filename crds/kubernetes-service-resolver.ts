import { z } from "zod";
import { ambassadorId } from "./common.ts";

export const kubernetesServiceResolverSpecSchema = z
  .object(ambassadorId)
  .describe("Sends requests to the address of a Service; Kubernetes balances over its Pods.");

export type KubernetesServiceResolverSpec = z.output<typeof kubernetesServiceResolverSpecSchema>;
