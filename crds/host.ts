import { z } from "zod";
import { choice, flag, hostName, integer, text } from "../features/fields.ts";
import { ambassadorId, labelSelector, localReference, withRules } from "./common.ts";
import { isFields } from "./metadata.ts";
import { tlsSettings } from "./tls-settings.ts";

const fields = z
  .object({
    ...ambassadorId,
    hostname: hostName("Host of the requests: a name, or a pattern with * as its first or last sign. Default: *."),
    mappingSelector: labelSelector("Mappings that belong to the Host, by label. Default: by hostname alone."),
    selector: labelSelector("Deprecated name of mappingSelector."),
    tlsSecret: z
      .object({
        name: text("Name of the Secret."),
        namespace: text("Namespace of the Secret. Default: the Host's."),
      })
      .optional()
      .describe(
        "Secret with the certificate and its key. Without it, and without files in its place, the Host has no TLS.",
      ),
    tlsContext: localReference("TLSContext with the settings for the Host's TLS. Excludes tls."),
    tls: z
      .object({
        min_tls_version: text("Lowest version of TLS: v1.0 to v1.3. Default: Envoy's."),
        max_tls_version: text("Highest version of TLS: v1.0 to v1.3. Default: Envoy's."),
        ...tlsSettings,
      })
      .optional()
      .describe("Settings for the Host's TLS, in place of a TLSContext."),
    requestPolicy: z
      .object({
        insecure: z
          .object({
            action: choice(
              ["Redirect", "Reject", "Route"],
              "Redirect answers with the https URL, Reject with 404, Route serves them. Default: Redirect.",
            ),
            additionalPort: integer("Accepted for compatibility, without effect: use a Listener."),
          })
          .optional()
          .describe("What becomes of requests that do not come by TLS."),
      })
      .optional()
      .describe("What becomes of requests, by how they come."),
    acmeProvider: z
      .object({
        authority: text("Directory URL of the ACME server; none switches ACME off."),
        email: text("Contact address of the ACME account."),
        privateKeySecret: localReference("Secret with the key of the ACME account."),
        registration: text("ACME account as JSON, written by a controller."),
      })
      .optional()
      .describe("Where a certificate is got by ACME."),
    previewUrl: z
      .object({
        enabled: flag("Without effect."),
        type: choice(["Path"], "Without effect."),
      })
      .optional()
      .describe("Accepted for compatibility, without effect."),
  })
  .describe("A host that the gateway serves: its name, certificate and what it does with cleartext requests.");

export const hostSpecSchema = withRules(fields, [
  {
    cel: "!(has(self.tls) && has(self.tlsContext))",
    holds: (spec) => spec.tls === undefined || spec.tlsContext === undefined,
    message: "tls and tlsContext exclude each other",
    advice: "remove one of them",
  },
]);

/** Keys of a Host's tls that Emissary takes in camel case too: of manifests in files and annotations, where nothing has pruned them. */
const tlsAliases: ReadonlyMap<string, string> = new Map(
  Object.keys(fields.shape.tls.unwrap().shape).map((name) => [
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    name,
  ]),
);

/** The spec as it is read. The snake-case key wins over its alias. */
export function withTlsAliases(spec: unknown): unknown {
  if (!isFields(spec) || !isFields(spec["tls"])) return spec;
  const { tls } = spec;
  if (!Object.keys(tls).some((name) => tlsAliases.get(name) !== undefined && tlsAliases.get(name) !== name))
    return spec;
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(tls)) {
    const known = tlsAliases.get(name) ?? name;
    if (known === name || !Object.hasOwn(tls, known)) read[known] = value;
  }
  return { ...spec, tls: read };
}

export type HostSpec = z.output<typeof hostSpecSchema>;
