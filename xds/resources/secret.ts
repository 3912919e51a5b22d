import { assertNever } from "../../ir/assert.ts";
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

/** Envoy watches directories, since files are replaced by renaming. Source: Envoy's documentation of certificate rotation. */
function directoryOf(file: string): string {
  const slash = file.lastIndexOf("/");
  return slash > 0 ? file.slice(0, slash) : slash === 0 ? "/" : ".";
}

const fromFile = (filename: string): DataSource => ({ specifier: { $case: "filename", value: filename } });

export function typeOfSecret(secret: IrSecret): NonNullable<Secret["type"]> {
  switch (secret.kind) {
    case "certificate":
      return {
        $case: "tlsCertificate",
        value: { certificateChain: inline(secret.chain), privateKey: inline(secret.key) },
      };
    case "validation":
      return {
        $case: "validationContext",
        value: { trustedCa: inline(secret.ca), ...(secret.crl === undefined ? {} : { crl: inline(secret.crl) }) },
      };
    case "certificateFiles":
      return {
        $case: "tlsCertificate",
        value: {
          certificateChain: fromFile(secret.chainPath),
          privateKey: fromFile(secret.keyPath),
          watchedDirectory: { path: directoryOf(secret.chainPath) },
        },
      };
    case "validationFile":
      return {
        $case: "validationContext",
        value: {
          trustedCa: fromFile(secret.caPath),
          watchedDirectory: { path: directoryOf(secret.caPath) },
          ...(secret.crl === undefined ? {} : { crl: inline(secret.crl) }),
        },
      };
    default:
      return assertNever(secret);
  }
}

export function encodeSecret(secret: IrSecret): XdsResource {
  const { name } = secret;
  return xdsResource("secret", name, [Secret.encode({ name, type: typeOfSecret(secret) }).finish()]);
}
