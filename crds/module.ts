import { z } from "zod";
import { freeForm } from "../features/fields.ts";
import type { AuthServiceSpec } from "./auth-service.ts";
import { ambassadorId } from "./common.ts";
import type { LegacyTls } from "./legacy-tls.ts";
import type { ModuleConfig } from "./module-config.ts";

export const moduleSpecSchema = z
  .object({
    ...ambassadorId,
    config: freeForm("Settings of the whole gateway; the Module named ambassador has those of the module reference."),
  })
  .describe("Settings of the whole gateway.");

export interface ModuleSpec extends z.output<typeof moduleSpecSchema> {
  /** Typed for the Module named ambassador; empty for any other, which nothing reads. */
  readonly config: ModuleConfig;
  /** The config of the Module named authentication. */
  readonly authentication?: AuthServiceSpec;
  /** Of the Module named tls. */
  readonly tls?: LegacyTls;
}
