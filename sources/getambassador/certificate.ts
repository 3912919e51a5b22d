import { createPrivateKey, X509Certificate } from "node:crypto";
import type { SecretSpec } from "../../crds/core.ts";
import { memoForever } from "../../ir/memo.ts";
import { hasError, type Resource } from "../../ir/resource.ts";
import type { Redacted } from "../../ir/redacted.ts";

export type Certificate =
  | { readonly ok: true; readonly chain: Redacted; readonly key: Redacted }
  | { readonly ok: false; readonly message: string; readonly advice: string };

export type Authority =
  | { readonly ok: true; readonly ca: Redacted }
  | { readonly ok: false; readonly message: string; readonly advice: string };

function pem(value: Redacted): Buffer {
  return Buffer.from(value.reveal());
}

function bad(message: string, advice: string) {
  return { ok: false, message, advice } as const;
}

/** Of a Secret from a file that is no Secret in form: its spec holds nothing. */
const unread = bad("cannot be read", "correct the Secret, whose own problem says what is wrong");

const advice = "create it with: kubectl create secret tls NAME --cert=FILE --key=FILE";

/** A Secret's certificate and key, checked as Envoy would: both parse, and they belong together. Never throws, never shows content. */
export const certificateOf = memoForever((secret: Resource<SecretSpec>): Certificate => {
  if (hasError(secret)) return unread;
  const { data } = secret.spec;
  const chain = data["tls.crt"] ?? data["cert-chain.pem"];
  const key = data["tls.key"] ?? data["key.pem"];
  if (chain === undefined) return bad("has no tls.crt", advice);
  if (key === undefined) return bad("has no tls.key", advice);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem(chain));
  } catch {
    return bad("has a tls.crt that is not a PEM certificate", advice);
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(pem(key)))) {
      return bad(
        "has a tls.key that does not belong to its tls.crt",
        "put the key in it with which the certificate was requested",
      );
    }
  } catch {
    return bad("has a tls.key that is not an unencrypted PEM private key", advice);
  }
  return { ok: true, chain, key };
});

/** The certificates that peers are verified against: tls.crt (as Emissary's users have it), ca.crt or root-cert.pem. */
export const authorityOf = memoForever((secret: Resource<SecretSpec>): Authority => {
  if (hasError(secret)) return unread;
  const { data } = secret.spec;
  const ca = data["tls.crt"] ?? data["ca.crt"] ?? data["root-cert.pem"];
  const how = "put the CA's PEM certificate in it as tls.crt or ca.crt";
  if (ca === undefined) return bad("has neither tls.crt nor ca.crt", how);
  try {
    new X509Certificate(pem(ca));
  } catch {
    return bad("holds a CA that is not a PEM certificate", how);
  }
  return { ok: true, ca };
});

/** What a Secret says of certificates that are good no more; undefined where it says nothing. */
export function revocationOf(secret: Resource<SecretSpec> | undefined): Redacted | undefined {
  return secret === undefined || hasError(secret) ? undefined : secret.spec.data["crl.pem"];
}
