/** Fields of TLSContext.spec that tls.ts and host-tls.ts read. */
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
  "cert_chain_file",
  "private_key_file",
  "cacert_chain_file",
  // Without effect in Emissary too, and told.
  "redirect_cleartext_from",
]);
