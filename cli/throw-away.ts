import type { ThrowAwayPair } from "../xds/static/static-form.ts";

/** A fresh self-signed certificate and its key, of no value to anybody. */
export async function throwAwayPair(): Promise<ThrowAwayPair> {
  const { X509CertificateGenerator } = await import("./x509.ts");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=redacted by nuncio translate",
    keys,
    signingAlgorithm: algorithm,
    notAfter: new Date("2099-01-01"),
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    certificatePem: `${certificate.toString("pem")}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`,
  };
}
