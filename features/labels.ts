import { z } from "zod";
import { exactlyOneKey, flag, text } from "./fields.ts";

function fixedKey<const Key extends string>(key: Key) {
  return z.object({ key: z.enum([key]).describe(`Always ${key}.`) });
}

export const labelSpecifier = exactlyOneKey(
  z.object({
    source_cluster: fixedKey("source_cluster").optional().describe("Adds the name of Envoy's own cluster."),
    destination_cluster: fixedKey("destination_cluster").optional().describe("Adds the name of the upstream cluster."),
    remote_address: fixedKey("remote_address").optional().describe("Adds the client's address."),
    request_headers: z
      .object({
        key: z.string().describe("Key of the descriptor entry."),
        header_name: z.string().describe("Header whose value is added; without it the label group is left out."),
        omit_if_not_present: flag("Leaves out the entry, not the group, where the header is missing. Default: false."),
      })
      .optional()
      .describe("Adds the value of a request header."),
    generic_key: z
      .object({
        key: text("Key of the descriptor entry. Default: generic_key."),
        value: z.string().describe("Value of the descriptor entry."),
        v2Shorthand: flag("How v2 wrote the label; kept for conversion, without effect."),
      })
      .optional()
      .describe("Adds a fixed value."),
  }),
);

const labelGroup = exactlyOneKey(z.record(z.string(), z.array(labelSpecifier)));

export const labelsFields = {
  labels: z
    .record(z.string(), z.array(labelGroup))
    .optional()
    .describe(
      "Rate limit descriptors: by domain a list of groups, each with one name and its list of labels. Default: the Module's default_labels.",
    ),
};
