import { nothing, settings } from "../features/feature.ts";
import { flag } from "../features/fields.ts";
import { pack } from "../features/proto.ts";
import { Config } from "../xds/generated/envoy/extensions/filters/http/grpc_http1_bridge/v3/config.ts";
import type { ModuleFilter } from "./filter.ts";

export const grpcHttp1BridgeFields = {
  enable_grpc_http11_bridge: flag("Lets HTTP/1.1 clients call gRPC services. Default: false."),
};

export const grpcHttp1Bridge: ModuleFilter<typeof grpcHttp1BridgeFields, true> = {
  name: "envoy.filters.http.grpc_http1_bridge",
  fields: grpcHttp1BridgeFields,
  fromModule: (config) => (config.enable_grpc_http11_bridge === true ? settings(true) : nothing),
  toFilter: () => pack(Config, {}),
};
