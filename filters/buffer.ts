import { z } from "zod";
import { ignored, nothing } from "../features/feature.ts";
import { pack } from "../features/proto.ts";
import { Buffer as BufferMessage } from "../xds/generated/envoy/extensions/filters/http/buffer/v3/buffer.ts";
import type { ModuleFilter } from "./filter.ts";

export const bufferFields = {
  buffer: z
    .object({
      max_request_bytes: z
        .int()
        .min(1)
        .max(4_294_967_295)
        .describe("Bytes of a request at most; a larger one gets 413."),
      max_request_time: z.unknown().optional().describe("Without effect."),
    })
    .optional()
    .describe("Reads requests whole before they are sent upstream."),
};

export const buffer: ModuleFilter<typeof bufferFields, { readonly maxRequestBytes: number }> = {
  name: "envoy.filters.http.buffer",
  fields: bufferFields,

  fromModule({ buffer: written }) {
    if (written === undefined) return nothing;
    const message = "Envoy's buffer has no limit of time any more";
    const problems =
      written.max_request_time === undefined
        ? []
        : [
            ignored(
              ["buffer", "max_request_time"],
              message,
              "remove it; a Mapping's timeout_ms limits the whole request",
            ),
          ];
    return { value: { maxRequestBytes: written.max_request_bytes }, problems };
  },

  toFilter: ({ maxRequestBytes }) => pack(BufferMessage, { maxRequestBytes }),
};
