import { z } from "zod";
import { choice, flag, milliseconds, text, textMap, texts } from "../features/fields.ts";
import { ambassadorId } from "./common.ts";

export const devPortalSpecSchema = z
  .object({
    ...ambassadorId,
    default: flag("Whether it is the portal where no other is named. Default: false."),
    content: z
      .object({
        url: text("Git repository or directory with the pages."),
        dir: text("Directory within it."),
        branch: text("Branch of it."),
      })
      .optional()
      .describe("Where the portal's pages come from."),
    docs: z
      .array(
        z.object({
          service: text("Name of the service."),
          url: text("URL of its OpenAPI document."),
          timeout_ms: milliseconds("Milliseconds that fetching the document may take."),
        }),
      )
      .optional()
      .describe("Documents shown beside those of Mappings."),
    selector: z
      .object({
        matchNamespaces: texts("Namespaces whose Mappings are shown."),
        matchLabels: textMap("Labels that shown Mappings have."),
      })
      .optional()
      .describe("Which Mappings are shown. Default: all."),
    naming_scheme: choice(["namespace.name", "name.prefix"], "How services are named. Default: namespace.name."),
    preserve_servers: flag("Whether the servers named in a document stay. Default: false."),
    search: z
      .object({
        enabled: flag("Whether there is a search. Default: false."),
        type: choice(["title-only", "all-content"], "What is searched. Default: title-only."),
      })
      .optional()
      .describe("The portal's search."),
  })
  .describe("A portal of API documentation. Kept and shown; it changes no traffic.");

export type DevPortalSpec = z.output<typeof devPortalSpecSchema>;
