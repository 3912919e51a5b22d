import { nothing, settings } from "../features/feature.ts";
import { flag } from "../features/fields.ts";
import { pack } from "../features/proto.ts";
import { GrpcWeb } from "../xds/generated/envoy/extensions/filters/http/grpc_web/v3/grpc_web.ts";
import type { ModuleFilter } from "./filter.ts";

export const grpcWebFields = {
  enable_grpc_web: flag("Lets gRPC-Web clients call gRPC services. Default: false."),
};

export const grpcWeb: ModuleFilter<typeof grpcWebFields, true> = {
  name: "envoy.filters.http.grpc_web",
  fields: grpcWebFields,
  fromModule: (config) => (config.enable_grpc_web === true ? settings(true) : nothing),
  toFilter: () => pack(GrpcWeb, {}),
};
