import type { GrpcService } from "../generated/envoy/config/core/v3/grpc_service.ts";

/** A called service. Without an authority Envoy would name the cluster there, which is no host name. */
export function grpcService({
  cluster,
  authority,
}: {
  readonly cluster: string;
  readonly authority: string;
}): GrpcService {
  return { targetSpecifier: { $case: "envoyGrpc", value: { clusterName: cluster, authority } } };
}
