import type { ClusterEndpoints } from "../../ir/types.ts";
import { ClusterLoadAssignment } from "../generated/envoy/config/endpoint/v3/endpoint.ts";
import type { XdsResource } from "../snapshot.ts";
import { xdsResource } from "./frame.ts";

export type EdsEndpoints = Extract<ClusterEndpoints, { kind: "service" | "slices" | "consul" | "services" }>;

export function isEds(endpoints: ClusterEndpoints): endpoints is EdsEndpoints {
  return ["service", "slices", "consul", "services"].includes(endpoints.kind);
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Finishing its requests, to get no new ones while others are there. */
  readonly draining: boolean;
}

const DRAINING = 4;

export function encodeEndpoints(name: string, endpoints: readonly Endpoint[]): XdsResource {
  const message: ClusterLoadAssignment = {
    clusterName: name,
    endpoints:
      endpoints.length === 0
        ? []
        : [
            {
              lbEndpoints: endpoints.map(({ address, port, draining }) => ({
                hostIdentifier: {
                  $case: "endpoint",
                  value: {
                    address: {
                      address: {
                        $case: "socketAddress",
                        value: { address, portSpecifier: { $case: "portValue", value: port } },
                      },
                    },
                  },
                },
                ...(draining ? { healthStatus: DRAINING } : {}),
              })),
            },
          ],
  };
  return xdsResource("endpoint", name, [ClusterLoadAssignment.encode(message).finish()]);
}
