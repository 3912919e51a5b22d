import { type Feature, nothing, settings } from "./feature.ts";
import { flag } from "./fields.ts";

export const grpcFields = {
  grpc: flag("Speaks HTTP/2 to the upstream, as gRPC needs. Default: false."),
};

export const grpc: Feature<typeof grpcFields, true> = {
  name: "grpc",
  fields: grpcFields,
  fromMapping: (spec) => (spec.grpc === true ? settings(true) : nothing),
  protocol: (_, options) => ({
    ...options,
    upstreamProtocolOptions: {
      $case: "explicitHttpConfig",
      value: { protocolConfig: { $case: "http2ProtocolOptions", value: {} } },
    },
  }),
};
