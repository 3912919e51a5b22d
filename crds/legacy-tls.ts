/** `spec.config` of the Module named tls, which was there before TLSContexts: contexts by name, and `server` with `client`. */
import { z } from "zod";
import { flag, text, texts } from "../features/fields.ts";
import { tlsSettings, tlsVersions } from "./tls-settings.ts";

const context = z.object({
  enabled: flag("Whether the context is there. Default: true."),
  hosts: texts("Hosts whose connections use the context."),
  secret: text("Secret with the certificate and its key; of client the one with the certificate authority."),
  secret_namespacing: flag("Whether the part of a secret's name after its last dot is a namespace."),
  min_tls_version: z.enum(tlsVersions).optional(),
  max_tls_version: z.enum(tlsVersions).optional(),
  ...tlsSettings,
});

export const legacyTlsSchema = z.record(z.string(), context);

export type LegacyTls = z.output<typeof legacyTlsSchema>;
