import type { ObjectRef, PathStep } from "../../ir/problem.ts";
import { authorityOf, certificateOf, type Dates } from "./certificate.ts";
import { referenceOf } from "./file-secrets.ts";
import type { SecretLookup } from "./tls-secrets.ts";

/** A certificate in use, and who uses it: what is to be said of its dates depends on the time. */
export interface CertificateUse {
  readonly object: ObjectRef;
  readonly path: readonly PathStep[];
  /** `the certificate of the Secret default/www`. */
  readonly what: string;
  /** `default/www`, or the path of a file. */
  readonly secret: string;
  readonly dates: Dates;
}

interface Named {
  readonly certificateSecret: string | undefined;
  readonly validationSecret: string | undefined;
}

export function usesOf(
  tls: Named | undefined,
  { secret }: SecretLookup,
  object: ObjectRef,
  paths: { readonly certificate: readonly PathStep[]; readonly authority: readonly PathStep[] },
): readonly CertificateUse[] {
  const found: CertificateUse[] = [];
  const own = tls?.certificateSecret;
  const ownSecret = own === undefined ? undefined : secret(own);
  if (own !== undefined && ownSecret !== undefined) {
    const certificate = certificateOf(ownSecret);
    const what = `the certificate of ${nameOf(own)}`;
    if (certificate.ok)
      found.push({ object, path: paths.certificate, what, secret: placeOf(own), dates: certificate.dates });
  }
  const ca = tls?.validationSecret?.replace(/^ca:/, "").replace(/\+crl:.*$/, "");
  const caSecret = ca === undefined ? undefined : secret(ca);
  if (ca !== undefined && caSecret !== undefined) {
    const authority = authorityOf(caSecret);
    const what = `the certificate authority of ${nameOf(ca)}`;
    if (authority.ok) found.push({ object, path: paths.authority, what, secret: placeOf(ca), dates: authority.dates });
  }
  return found;
}

function nameOf(key: string): string {
  return referenceOf(key) === undefined ? `the Secret ${key}` : placeOf(key);
}

function placeOf(key: string): string {
  const reference = referenceOf(key);
  if (reference === undefined) return key;
  return reference.kind === "certificate" ? reference.chainPath : reference.caPath;
}
