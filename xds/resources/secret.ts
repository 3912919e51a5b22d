import type { Secret as IrSecret } from "../../ir/types.ts";
import type { Redacted } from "../../ir/redacted.ts";
import type { DataSource } from "../generated/envoy/config/core/v3/base.ts";
import { Secret } from "../generated/envoy/extensions/transport_sockets/tls/v3/secret.ts";
import type { XdsResource } from "../snapshot.ts";
import { xdsResource } from "./frame.ts";

/** The one place where secret bytes go on the wire. */
function inline(value: Redacted): DataSource {
  return { specifier: { $case: "inlineBytes", value: Buffer.from(value.reveal()) } };
}

export function encodeSecret(secret: IrSecret): XdsResource {
  const { name } = secret;
  const message: Secret =
    secret.kind === "certificate"
      ? {
          name,
          type: {
            $case: "tlsCertificate",
            value: { certificateChain: inline(secret.chain), privateKey: inline(secret.key) },
          },
        }
      : {
          name,
          type: {
            $case: "validationContext",
            value: { trustedCa: inline(secret.ca), ...(secret.crl === undefined ? {} : { crl: inline(secret.crl) }) },
          },
        };
  return xdsResource("secret", name, [Secret.encode(message).finish()]);
}
