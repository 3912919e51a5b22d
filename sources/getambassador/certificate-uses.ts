import type { ObjectRef, PathStep } from "../../ir/problem.ts";
import { authorityOf, certificateOf, type Dates } from "./certificate.ts";
import { referenceOf } from "./file-secrets.ts";
import type { SecretLookup } from "./tls-secrets.ts";

/** A certificate in use, and who uses it: what is to be said of its dates depends on the time. */
export interface CertificateUse {
  readonly object: ObjectRef;
  readonly path: readonly PathStep[];
  /** The name that Envoy asks for it by. */
  readonly secret: string;
  /** `the certificate of the Secret default/www`. */
  readonly what: string;
  /** `default/www`, or the path of a file. */
  readonly place: string;
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
      found.push({ object, path: paths.certificate, secret: own, place: placeOf(own), what, dates: certificate.dates });
  }
  const validation = tls?.validationSecret;
  const ca = validation?.replace(/^ca:/, "").replace(/\+crl:.*$/, "");
  const caSecret = ca === undefined ? undefined : secret(ca);
  if (validation !== undefined && ca !== undefined && caSecret !== undefined) {
    const authority = authorityOf(caSecret);
    const what = `the certificate authority of ${nameOf(ca)}`;
    const use = { object, path: paths.authority, secret: validation, place: placeOf(ca), what };
    if (authority.ok) found.push({ ...use, dates: authority.dates });
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
