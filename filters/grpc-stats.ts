import { z } from "zod";
import { type FieldProblem, ignored, nothing } from "../features/feature.ts";
import { flag } from "../features/fields.ts";
import { pack } from "../features/proto.ts";
import { FilterConfig } from "../xds/generated/envoy/extensions/filters/http/grpc_stats/v3/config.ts";
import type { ModuleFilter } from "./filter.ts";

export const grpcStatsFields = {
  grpc_stats: z
    .object({
      all_methods: flag("Counts every method. Default: false."),
      services: z
        .array(
          z.object({
            name: z.string().min(1).describe("Full name of the gRPC service."),
            method_names: z.array(z.string().min(1)).min(1).describe("Its methods that are counted."),
          }),
        )
        .optional()
        .describe("Methods that are counted; excludes all_methods."),
      upstream_stats: flag("Measures the upstream's time. Default: false."),
    })
    .optional()
    .describe("Statistics of gRPC calls."),
};

export interface GrpcStatsSettings {
  /** Methods with statistics of their own. */
  readonly methods: "all" | readonly { readonly service: string; readonly methods: readonly string[] }[];
  readonly upstream: boolean;
}

export const grpcStats: ModuleFilter<typeof grpcStatsFields, GrpcStatsSettings> = {
  name: "envoy.filters.http.grpc_stats",
  fields: grpcStatsFields,

  fromModule({ grpc_stats: written }) {
    if (written === undefined) return nothing;
    const { all_methods: all = false, services = [], upstream_stats: upstream = false } = written;
    const problems: FieldProblem[] = [];
    if (all && services.length > 0) {
      const message = "all_methods and services are both set, and only the services are counted";
      problems.push(ignored(["grpc_stats", "all_methods"], message, "leave one of them out"));
    }
    const named = services.map(({ name, method_names }) => ({ service: name, methods: method_names }));
    return { value: { methods: named.length === 0 && all ? "all" : named, upstream }, problems };
  },

  toFilter: ({ methods, upstream }) =>
    pack(FilterConfig, {
      enableUpstreamStats: upstream,
      perMethodStatSpecifier:
        methods === "all" || methods.length === 0
          ? { $case: "statsForAllMethods", value: methods === "all" }
          : {
              $case: "individualMethodStatsAllowlist",
              value: {
                services: methods.map(({ service, methods }) => ({ name: service, methodNames: [...methods] })),
              },
            },
    }),
};
