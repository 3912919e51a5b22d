import { createPrivateKey, X509Certificate } from "node:crypto";
import type { SecretSpec } from "../../crds/core.ts";
import { memoForever } from "../../ir/memo.ts";
import { hasError, type Resource } from "../../ir/resource.ts";
import type { Redacted } from "../../ir/redacted.ts";

/** Milliseconds since 1970, of the first certificate. */
export interface Dates {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type Certificate =
  | { readonly ok: true; readonly chain: Redacted; readonly key: Redacted; readonly dates: Dates }
  | { readonly ok: false; readonly message: string; readonly advice: string };

export type Authority =
  | { readonly ok: true; readonly ca: Redacted; readonly dates: Dates }
  | { readonly ok: false; readonly message: string; readonly advice: string };

type Revocations = { readonly ok: true } | { readonly ok: false; readonly message: string };

function pem(value: Redacted): Buffer {
  return Buffer.from(value.reveal());
}

function bad(message: string, advice: string) {
  return { ok: false, message, advice } as const;
}

/** Of a Secret from a file that is no Secret in form: its spec holds nothing. */
const unread = bad("cannot be read", "correct the Secret, whose own problem says what is wrong");
const unreadableAdvice =
  "put it into the gateway's container, or into a Secret and name that; it is read as soon as it is there";

function datesOf({ validFrom, validTo }: X509Certificate): Dates {
  return { notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) };
}

const advice = "create it with: kubectl create secret tls NAME --cert=FILE --key=FILE";

/** A Secret's certificate and key: both parse, and they belong together; whether Envoy's library takes them, Envoy says. Never throws, never shows content. */
export const certificateOf = memoForever((secret: Resource<SecretSpec>): Certificate => {
  if (hasError(secret)) return unread;
  const { data, unreadable } = secret.spec;
  if (unreadable !== undefined) return bad(unreadable, unreadableAdvice);
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
  const refused = secret.spec.refused?.certificate;
  if (refused !== undefined)
    return bad(
      refused,
      "write a chain of PEM certificates that are whole, of RSA keys from 2048 bits on, or of P-256, P-384 or P-521",
    );
  return { ok: true, chain, key, dates: datesOf(certificate) };
});

/** The certificates that peers are verified against: tls.crt (as Emissary's users have it), ca.crt or root-cert.pem. */
export const authorityOf = memoForever((secret: Resource<SecretSpec>): Authority => {
  if (hasError(secret)) return unread;
  const { data, unreadable } = secret.spec;
  if (unreadable !== undefined) return bad(unreadable, unreadableAdvice);
  const ca = data["tls.crt"] ?? data["ca.crt"] ?? data["root-cert.pem"];
  const how = "put the CA's PEM certificate in it as tls.crt or ca.crt";
  if (ca === undefined) return bad("has neither tls.crt nor ca.crt", how);
  const refused = secret.spec.refused?.authority;
  try {
    const dates = datesOf(new X509Certificate(pem(ca)));
    return refused === undefined ? { ok: true, ca, dates } : bad(refused, how);
  } catch {
    return bad("holds a CA that is not a PEM certificate", how);
  }
});

/** The list of revoked certificates. Envoy passes over PEM of another label without a word, and then refuses every client. */
export const revocationsOf = memoForever((secret: Resource<SecretSpec>): Revocations => {
  const list = dataOf(secret)["crl.pem"];
  if (list === undefined || !pem(list).includes("-----BEGIN X509 CRL-----"))
    return { ok: false, message: "has a crl.pem that is no PEM list of revoked certificates" };
  const refused = secret.spec.refused?.revocations;
  return refused === undefined ? { ok: true } : { ok: false, message: refused };
});

/** What a Secret holds: nothing, where there is none or it is none in form. */
export function dataOf(secret: Resource<SecretSpec> | undefined): SecretSpec["data"] {
  return secret === undefined || hasError(secret) ? {} : secret.spec.data;
}
