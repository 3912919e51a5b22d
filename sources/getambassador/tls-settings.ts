import type { SecretResource, TLSContextResource } from "../../crds/resources.ts";
import type { TLSContextSpec } from "../../crds/tls-context.ts";
import type { ObjectRef, PathStep, Problem, ProblemCode } from "../../ir/problem.ts";
import type { OriginationTls, TlsParameters, TlsVersion } from "../../ir/types.ts";
import { authorityOf, certificateOf, revocationOf } from "./certificate.ts";

/** What TLSContexts and a Host's own `tls` have in common. */
export type Settings = Pick<
  TLSContextSpec,
  "alpn_protocols" | "cipher_suites" | "ecdh_curves" | "ca_secret" | "crl_secret" | "cert_required" | "sni"
> & { readonly min_tls_version?: string | undefined; readonly max_tls_version?: string | undefined };

const versions: Readonly<Record<string, TlsVersion>> = {
  "v1.0": "TLSv1_0",
  "v1.1": "TLSv1_1",
  "v1.2": "TLSv1_2",
  "v1.3": "TLSv1_3",
};

/** HTTP/2 is offered unless told otherwise; Emissary needs alpn_protocols for it. */
export const DEFAULT_ALPN = ["h2", "http/1.1"];

export function parametersOf(settings: Settings, defaultAlpn: readonly string[]): TlsParameters {
  const alpn = settings.alpn_protocols
    ?.split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return {
    minVersion: versions[settings.min_tls_version ?? ""],
    maxVersion: versions[settings.max_tls_version ?? ""],
    cipherSuites: settings.cipher_suites ?? [],
    ecdhCurves: settings.ecdh_curves ?? [],
    alpnProtocols: alpn ?? defaultAlpn,
  };
}

/** `name.namespace` is split at its last dot where secret names carry namespaces. */
export function secretKeyOf(name: string, namespace: string, namespacing: boolean): string {
  const dot = name.lastIndexOf(".");
  return namespacing && dot > 0 ? `${name.slice(dot + 1)}/${name.slice(0, dot)}` : `${namespace}/${name}`;
}

const validationName = (ca: string, crl: string | undefined): string =>
  crl === undefined ? `ca:${ca}` : `ca:${ca}+crl:${crl}`;

export interface Checked {
  readonly object: ObjectRef;
  readonly problems: Problem[];
}

export function report(
  { object, problems }: Checked,
  code: ProblemCode,
  path: readonly PathStep[],
  message: string,
  advice: string,
): undefined {
  problems.push({ code, severity: "error", object, path, message, advice });
  return undefined;
}

export function checkedCertificate(
  key: string,
  secret: SecretResource | undefined,
  at: Checked,
  path: readonly PathStep[],
): string | undefined {
  if (secret === undefined)
    return report(
      at,
      "SecretNotFound",
      path,
      `there is no Secret ${key}`,
      "create it; TLS starts as soon as it is there",
    );
  const certificate = certificateOf(secret);
  if (!certificate.ok)
    return report(at, "InvalidSecret", path, `the Secret ${key} ${certificate.message}`, certificate.advice);
  return key;
}

export function checkedAuthority(
  settings: Settings,
  keyFor: (name: string) => string,
  lookup: (key: string) => SecretResource | undefined,
  at: Checked,
  path: readonly PathStep[],
): string | undefined {
  if (settings.ca_secret === undefined) return undefined;
  const key = keyFor(settings.ca_secret);
  const secret = lookup(key);
  if (secret === undefined)
    return report(
      at,
      "SecretNotFound",
      [...path, "ca_secret"],
      `there is no Secret ${key}`,
      "create it with the CA as tls.crt",
    );
  const authority = authorityOf(secret);
  if (!authority.ok)
    return report(
      at,
      "InvalidSecret",
      [...path, "ca_secret"],
      `the Secret ${key} ${authority.message}`,
      authority.advice,
    );
  if (settings.crl_secret === undefined) return validationName(key, undefined);
  const crl = keyFor(settings.crl_secret);
  if (revocationOf(lookup(crl)) === undefined) {
    return report(
      at,
      "SecretNotFound",
      [...path, "crl_secret"],
      `there is no Secret ${crl} with crl.pem`,
      "create it, or remove crl_secret",
    );
  }
  return validationName(key, crl);
}

export interface TlsContext {
  readonly resource: TLSContextResource;
  readonly origination: OriginationTls | undefined;
  /** `namespace/name` of its own secret. */
  readonly secretKey: string | undefined;
}
