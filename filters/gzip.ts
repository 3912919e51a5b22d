import { z } from "zod";
import { type FieldProblem, invalid, nothing } from "../features/feature.ts";
import { count, flag, integer, text, texts } from "../features/fields.ts";
import { pack } from "../features/proto.ts";
import {
  Gzip,
  Gzip_CompressionLevel as Level,
  Gzip_CompressionStrategy as Strategy,
} from "../xds/generated/envoy/extensions/compression/gzip/compressor/v3/gzip.ts";
import { Compressor } from "../xds/generated/envoy/extensions/filters/http/compressor/v3/compressor.ts";
import type { ModuleFilter } from "./filter.ts";

export const gzipFields = {
  gzip: z
    .object({
      memory_level: integer("Memory of the compressor. Default: 5.", { min: 1, max: 9 }),
      min_content_length: count("Bytes from which a response is compressed. Default: 30."),
      compression_level: text("BEST, SPEED, DEFAULT or a level of Envoy's gzip compressor. Default: DEFAULT."),
      compression_strategy: text("FILTERED, HUFFMAN, RLE, FIXED or DEFAULT. Default: DEFAULT."),
      window_bits: integer("Window of the compressor, as a power of two. Default: 12.", { min: 9, max: 15 }),
      content_type: texts("Content types that are compressed. Default: text, JSON, XML and JavaScript types."),
      disable_on_etag_header: flag("Leaves responses with an etag alone. Default: false."),
      remove_accept_encoding_header: flag("Hides accept-encoding from the upstream. Default: false."),
    })
    .optional()
    .describe("Compression of responses."),
};

/** Names of the levels and strategies: those of Envoy 1, which manifests have, and those of its compressor today. */
const levels: Readonly<Record<string, Level>> = {
  DEFAULT: Level.DEFAULT_COMPRESSION,
  BEST: Level.BEST_COMPRESSION,
  SPEED: Level.BEST_SPEED,
  ...Object.fromEntries(Object.entries(Level).filter(([, value]) => value >= 0)),
};
const strategies: Readonly<Record<string, Strategy>> = {
  DEFAULT: Strategy.DEFAULT_STRATEGY,
  HUFFMAN: Strategy.HUFFMAN_ONLY,
  ...Object.fromEntries(Object.entries(Strategy).filter(([, value]) => value >= 0)),
};

export interface GzipSettings {
  readonly level: Level | undefined;
  readonly strategy: Strategy | undefined;
  readonly memoryLevel: number | undefined;
  readonly windowBits: number | undefined;
  readonly minContentLength: number | undefined;
  readonly contentTypes: readonly string[];
  readonly disableOnEtag: boolean;
  readonly hideAcceptEncoding: boolean;
}

export const gzip: ModuleFilter<typeof gzipFields, GzipSettings> = {
  name: "envoy.filters.http.compressor",
  fields: gzipFields,

  fromModule({ gzip: written }) {
    if (written === undefined) return nothing;
    const problems: FieldProblem[] = [];
    const named = <T>(key: "compression_level" | "compression_strategy", names: Readonly<Record<string, T>>) => {
      const name = written[key];
      if (name === undefined || Object.hasOwn(names, name.toUpperCase()))
        return names[name?.toUpperCase() ?? "DEFAULT"];
      const message = `${JSON.stringify(name)} is not one of its values`;
      problems.push(invalid(["gzip", key], message, `write one of ${Object.keys(names).join(", ")}`));
      return undefined;
    };
    const value: GzipSettings = {
      level: named("compression_level", levels),
      strategy: named("compression_strategy", strategies),
      memoryLevel: written.memory_level,
      windowBits: written.window_bits,
      minContentLength: written.min_content_length,
      contentTypes: written.content_type ?? [],
      disableOnEtag: written.disable_on_etag_header ?? false,
      hideAcceptEncoding: written.remove_accept_encoding_header ?? false,
    };
    return { value, problems };
  },

  toFilter: ({ level, strategy, memoryLevel, windowBits, ...response }) =>
    pack(Compressor, {
      compressorLibrary: {
        name: "gzip",
        typedConfig: pack(Gzip, { compressionLevel: level, compressionStrategy: strategy, memoryLevel, windowBits }),
      },
      responseDirectionConfig: {
        commonConfig: { minContentLength: response.minContentLength, contentType: [...response.contentTypes] },
        disableOnEtagHeader: response.disableOnEtag,
        removeAcceptEncodingHeader: response.hideAcceptEncoding,
      },
    }),
};
