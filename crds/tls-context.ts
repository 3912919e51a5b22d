import { z } from "zod";
import { choice, flag, text, texts } from "../features/fields.ts";
import { ambassadorId, withRules } from "./common.ts";
import { tlsSettings, tlsVersions } from "./tls-settings.ts";

const fields = z
  .object({
    ...ambassadorId,
    hosts: texts("Hosts whose connections use the context. Without hosts it serves for TLS to upstreams only."),
    secret: text(
      "Secret with the certificate and its key: name, or name.namespace unless secret_namespacing is false. Excludes cert_chain_file.",
    ),
    secret_namespacing: flag(
      "Whether the part of a secret's name after its last dot is a namespace. Default: the Module's tls_secret_namespacing, else true.",
    ),
    min_tls_version: choice(tlsVersions, "Lowest version of TLS. Default: Envoy's."),
    max_tls_version: choice(tlsVersions, "Highest version of TLS. Default: Envoy's."),
    ...tlsSettings,
  })
  .describe("TLS settings that Hosts use for clients and Mappings for upstreams.");

export const tlsContextSpecSchema = withRules(fields, [
  {
    cel: "has(self.cert_chain_file) == has(self.private_key_file)",
    holds: (spec) => (spec.cert_chain_file === undefined) === (spec.private_key_file === undefined),
    message: "cert_chain_file and private_key_file go together",
    advice: "write both or none",
  },
  {
    cel: "!(has(self.secret) && has(self.cert_chain_file))",
    holds: (spec) => spec.secret === undefined || spec.cert_chain_file === undefined,
    message: "secret and cert_chain_file exclude each other",
    advice: "remove one of them",
  },
]);

export type TLSContextSpec = z.output<typeof tlsContextSpecSchema>;
