import type { TLSContextResource } from "../../crds/resources.ts";
import type { TLSContextSpec } from "../../crds/tls-context.ts";
import type { ObjectRef, PathStep, Problem, ProblemCode } from "../../ir/problem.ts";
import type { OriginationTls, TlsParameters, TlsVersion } from "../../ir/types.ts";

/** What TLSContexts and a Host's own `tls` have in common. */
export type Settings = Pick<
  TLSContextSpec,
  | "alpn_protocols"
  | "cipher_suites"
  | "ecdh_curves"
  | "ca_secret"
  | "crl_secret"
  | "cert_required"
  | "sni"
  | "cert_chain_file"
  | "private_key_file"
  | "cacert_chain_file"
  | "redirect_cleartext_from"
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

/** Told, and without consequence. */
export function reportIgnored(
  { object, problems }: Checked,
  path: readonly PathStep[],
  message: string,
  advice: string,
): void {
  problems.push({ code: "IgnoredField", severity: "warning", object, path, message, advice });
}

export interface TlsContext {
  readonly resource: TLSContextResource;
  /** undefined while a Secret of it is missing or cannot be used. */
  readonly origination: OriginationTls | undefined;
  /** `namespace/name` of its own secret. */
  readonly secretKey: string | undefined;
}
