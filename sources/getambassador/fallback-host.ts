import { memoByKey } from "../../ir/memo.ts";
import { certificateOf } from "./certificate.ts";
import { type BuiltHost, defaultHost } from "./host.ts";
import { FALLBACK_SECRET } from "./secret-references.ts";
import type { SecretLookup } from "./tls-secrets.ts";
import { DEFAULT_ALPN, parametersOf } from "./tls-settings.ts";

const parameters = parametersOf({}, DEFAULT_ALPN);

const secured = new Map<string, BuiltHost>();

/**
 * The Host that stands in where there is none: with TLS, and cleartext redirected to it, where the gateway's namespace has the
 * Secret `fallback-self-signed-cert`; else without. Source: Emissary's synthesised default Host.
 */
export const fallbackHost = memoByKey((lookup: SecretLookup & object, [ownNamespace]): BuiltHost => {
  const key = `${String(ownNamespace)}/${FALLBACK_SECRET}`;
  const secret = lookup.secret(key);
  if (secret === undefined) return defaultHost;
  const certificate = certificateOf(secret);
  if (!certificate.ok) {
    const { message, advice } = certificate;
    const problem = { code: "InvalidSecret", severity: "error", object: secret, path: [], message, advice } as const;
    return { ...defaultHost, insecureAction: "Redirect", wantsTls: true, problems: [problem] };
  }
  const known = secured.get(key);
  if (known !== undefined) return known;
  const tls = { certificateSecret: key, validationSecret: undefined, requireClientCertificate: false, parameters };
  const host: BuiltHost = { ...defaultHost, insecureAction: "Redirect", tls, wantsTls: true };
  secured.set(key, host);
  return host;
});
