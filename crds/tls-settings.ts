/** What a TLSContext and a Host's own `tls` have in common. */
import { flag, integer, text, texts } from "../features/fields.ts";

export const tlsVersions = ["v1.0", "v1.1", "v1.2", "v1.3"] as const;

export const tlsSettings = {
  cert_chain_file: text(
    "File in the gateway's container with the certificate chain, read again when it changes; goes with private_key_file.",
  ),
  private_key_file: text("File in the gateway's container with the private key."),
  ca_secret: text("Secret whose certificate authority signs the peer's certificates, as tls.crt or ca.crt."),
  cacert_chain_file: text("File in the gateway's container with that certificate authority, in place of ca_secret."),
  crl_secret: text("Secret with the list of revoked certificates, as crl.pem."),
  alpn_protocols: text(
    "Protocols offered in the handshake, with commas, such as h2,http/1.1. Default: h2,http/1.1 to clients, none to upstreams.",
  ),
  cert_required: flag(
    "Whether a client must show a certificate. Default: what the Secret of ca_secret has under cert_required, else false.",
  ),
  cipher_suites: texts("Cipher suites up to TLS 1.2, in order of preference. Default: Envoy's."),
  ecdh_curves: texts("Curves for the key exchange, in order of preference. Default: Envoy's."),
  redirect_cleartext_from: integer("Accepted for compatibility, without effect: use a Host's requestPolicy.insecure.", {
    min: 0,
    max: 65_535,
  }),
  sni: text("Server name asked for in handshakes with upstreams. Default: none."),
};
