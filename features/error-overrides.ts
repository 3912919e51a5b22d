import { z } from "zod";
import { flag, text, textMap } from "./fields.ts";

export const errorOverridesFields = {
  error_response_overrides: z
    .array(
      z.object({
        on_status_code: z.int().min(400).max(599).describe("Status of the responses whose body is replaced."),
        body: z
          .object({
            text_format: text("Text of the body; Envoy's %COMMAND% operators are expanded."),
            json_format: textMap("JSON object of the body; Envoy's %COMMAND% operators are expanded in its values."),
            text_format_source: z
              .object({ filename: z.string().describe("File in the gateway's container.") })
              .optional()
              .describe("File that holds the text of the body."),
            content_type: text("Content type of a text body. Default: text/plain."),
          })
          .describe("The new body: one of text_format, json_format and text_format_source."),
      }),
    )
    .min(1)
    .optional()
    .describe("Bodies for error responses, in place of the Module's. Default: the Module's error_response_overrides."),
  bypass_error_response_overrides: flag("Whether the Module's error_response_overrides are left out. Default: false."),
};
