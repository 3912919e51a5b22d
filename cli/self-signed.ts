export interface SelfSignedOptions {
  /** Its common name. */
  readonly name: string;
  /** DNS names that it is good for. */
  readonly hosts?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter: Date;
}

/** A fresh certificate and its key. */
export async function selfSigned({ name, hosts = [], notBefore, notAfter }: SelfSignedOptions): Promise<{
  readonly certificatePem: string;
  readonly keyPem: string;
}> {
  const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await import("./x509.ts");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const names = hosts.map((value) => ({ type: "dns" as const, value }));
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter,
    extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    certificatePem: `${certificate.toString("pem")}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`,
  };
}
