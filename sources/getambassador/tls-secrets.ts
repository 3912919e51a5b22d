/** The Secrets, or files, that TLS settings name: looked up, checked, and told by the field that names them. */
import type { SecretResource } from "../../crds/resources.ts";
import type { PathStep } from "../../ir/problem.ts";
import { authorityOf, certificateOf, dataOf, revocationsOf } from "./certificate.ts";
import { authorityFile, certificateFiles, fileSecretKey, type FileReference } from "./file-secrets.ts";
import { type Checked, report, reportIgnored, type Settings } from "./tls-settings.ts";

export interface SecretLookup {
  secret(key: string): SecretResource | undefined;
  /** Whether files are among the Secrets; otherwise only Envoy knows what is in them. */
  readonly readsFiles: boolean;
}

export type PathOf = (field?: string) => readonly PathStep[];

export function checkedCertificate(
  key: string,
  { secret }: SecretLookup,
  at: Checked,
  path: readonly PathStep[],
): string | undefined {
  const found = secret(key);
  if (found === undefined)
    return report(
      at,
      "SecretNotFound",
      path,
      `there is no Secret ${key}`,
      "create it; TLS starts as soon as it is there",
    );
  const certificate = certificateOf(found);
  if (!certificate.ok)
    return report(at, "InvalidSecret", path, `the Secret ${key} ${certificate.message}`, certificate.advice);
  return key;
}

/** The key of the Secret that stands for cert_chain_file and private_key_file; undefined where they are not named or no good. */
export function checkedCertificateFiles(
  settings: Settings,
  lookup: SecretLookup,
  at: Checked,
  pathOf: PathOf,
): string | undefined {
  const reference = certificateFiles(settings);
  if (reference === undefined) {
    const named = (["cert_chain_file", "private_key_file"] as const).find((field) => settings[field] !== undefined);
    if (named === undefined) return undefined;
    const message = "cert_chain_file and private_key_file go together";
    return report(at, "InvalidField", pathOf(named), message, "write both or none");
  }
  return checkedFile(reference, lookup, at, pathOf("cert_chain_file"), (found) => certificateOf(found));
}

function checkedFile(
  reference: FileReference,
  lookup: SecretLookup,
  at: Checked,
  path: readonly PathStep[],
  judge: (
    found: SecretResource,
  ) => { readonly ok: true } | { readonly ok: false; readonly message: string; readonly advice: string },
): string | undefined {
  const key = fileSecretKey(reference);
  if (!lookup.readsFiles) return key;
  const found = lookup.secret(key);
  // Whoever reads files has them all; should one not be there yet, it is on its way.
  if (found === undefined) return undefined;
  const verdict = judge(found);
  if (verdict.ok) return key;
  if (found.spec.unreadable !== undefined)
    return report(at, "FileUnreadable", path, found.spec.unreadable, verdict.advice);
  const files = reference.kind === "authority" ? reference.caPath : `${reference.chainPath} with ${reference.keyPath}`;
  const advice = "write the certificates as PEM, and the key as PEM without a pass phrase";
  return report(at, "InvalidSecret", path, `${files} ${verdict.message}`, advice);
}

const validationName = (ca: string, crl: string | undefined): string =>
  crl === undefined ? `ca:${ca}` : `ca:${ca}+crl:${crl}`;

/** The SDS name of what peers are verified against; undefined where nothing is named or it is no good. */
export function checkedAuthority(
  settings: Settings,
  keyFor: (name: string) => string,
  lookup: SecretLookup,
  at: Checked,
  pathOf: PathOf,
): string | undefined {
  const { ca_secret, cacert_chain_file, crl_secret } = settings;
  if (ca_secret === undefined && cacert_chain_file === undefined) {
    if (crl_secret !== undefined) {
      const message = "without ca_secret no certificate is verified, so that none can be revoked";
      reportIgnored(at, pathOf("crl_secret"), message, "name the certificate authority in ca_secret, or remove it");
    }
    return undefined;
  }
  if (ca_secret !== undefined && cacert_chain_file !== undefined) {
    reportIgnored(at, pathOf("cacert_chain_file"), "ca_secret is set too and wins", "leave one of the two out");
  }
  const key =
    ca_secret === undefined
      ? checkedFile(authorityFile(settings) as FileReference, lookup, at, pathOf("cacert_chain_file"), authorityOf)
      : checkedAuthoritySecret(keyFor(ca_secret), lookup, at, pathOf("ca_secret"));
  if (key === undefined || crl_secret === undefined)
    return key === undefined ? undefined : validationName(key, undefined);
  const crl = keyFor(crl_secret);
  const list = lookup.secret(crl);
  if (list === undefined || dataOf(list)["crl.pem"] === undefined) {
    const message = `there is no Secret ${crl} with crl.pem`;
    return report(at, "SecretNotFound", pathOf("crl_secret"), message, "create it, or remove crl_secret");
  }
  const revocations = revocationsOf(list);
  if (!revocations.ok) {
    const message = `the Secret ${crl} ${revocations.message}`;
    const advice = 'write it as PEM: openssl crl -in FILE -outform PEM; it begins with "-----BEGIN X509 CRL-----"';
    return report(at, "InvalidSecret", pathOf("crl_secret"), message, advice);
  }
  return validationName(key, crl);
}

function checkedAuthoritySecret(
  key: string,
  lookup: SecretLookup,
  at: Checked,
  path: readonly PathStep[],
): string | undefined {
  const found = lookup.secret(key);
  if (found === undefined) {
    return report(at, "SecretNotFound", path, `there is no Secret ${key}`, "create it with the CA as tls.crt");
  }
  const authority = authorityOf(found);
  if (!authority.ok)
    return report(at, "InvalidSecret", path, `the Secret ${key} ${authority.message}`, authority.advice);
  return key;
}

/** Whether clients must show a certificate: as the settings say, else as the Secret of the authority does under cert_required. */
export function isCertificateRequired(
  { cert_required, ca_secret }: Settings,
  keyFor: (name: string) => string,
  { secret }: SecretLookup,
): boolean {
  if (cert_required !== undefined || ca_secret === undefined) return cert_required ?? false;
  const written = dataOf(secret(keyFor(ca_secret)))["cert_required"];
  return written !== undefined && /^\s*true\s*$/i.test(Buffer.from(written.reveal()).toString());
}
