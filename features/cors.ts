import { z } from "zod";
import { flag, text, texts } from "./fields.ts";

export const corsFields = {
  cors: z
    .object({
      origins: texts("Origins allowed to read responses, such as https://app.example.com, or *."),
      methods: texts("Methods allowed in preflight answers."),
      headers: texts("Request headers allowed in preflight answers."),
      credentials: flag("Whether requests with cookies or authorization are allowed. Default: false."),
      exposed_headers: texts("Response headers that scripts may read."),
      max_age: text("Seconds that a browser may keep a preflight answer, as a string such as 86400."),
      v2CommaSeparatedOrigins: flag("How v2 wrote the origins; kept for conversion, without effect."),
    })
    .optional()
    .describe("Cross-origin resource sharing. Default: the Module's cors."),
};
