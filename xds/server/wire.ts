import type { MethodDefinition } from "@grpc/grpc-js";
import { DeltaDiscoveryRequest } from "../generated/envoy/service/discovery/v3/discovery.ts";
import { frameField } from "../resources/frame.ts";

/** Fields of DeltaDiscoveryResponse; `resources` (2) come framed. */
const TYPE_URL = 4;
const NONCE = 5;
const REMOVED_RESOURCES = 6;

export interface Response {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly frames: readonly Uint8Array[];
  readonly removed: readonly string[];
}

/** An encoded DeltaDiscoveryResponse. */
export function encodeResponse({ typeUrl, nonce, frames, removed }: Response): Buffer {
  const text = (field: number, value: string) => frameField(field, Buffer.from(value));
  return Buffer.concat([
    ...frames,
    text(TYPE_URL, typeUrl),
    text(NONCE, nonce),
    ...removed.map((name) => text(REMOVED_RESOURCES, name)),
  ]);
}

const deltaAggregatedResources: MethodDefinition<DeltaDiscoveryRequest, Buffer> = {
  path: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
  requestStream: true,
  responseStream: true,
  requestSerialize: (request) => Buffer.from(DeltaDiscoveryRequest.encode(request).finish()),
  requestDeserialize: (bytes) => DeltaDiscoveryRequest.decode(bytes),
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
};

export const adsService = { deltaAggregatedResources };
