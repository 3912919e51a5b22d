/** Fields of TLSContext.spec that tls.ts reads; certificates from files are refused. */
export const tlsContextFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "hosts",
  "secret",
  "secret_namespacing",
  "min_tls_version",
  "max_tls_version",
  "ca_secret",
  "crl_secret",
  "alpn_protocols",
  "cert_required",
  "cipher_suites",
  "ecdh_curves",
  "sni",
  // Without effect in Emissary too.
  "redirect_cleartext_from",
]);
