/**
 * The certificates that the admission process makes itself: an authority that all its replicas share, in a Secret, and for each
 * replica one of its own to serve, in memory.
 */
import { createPrivateKey, type webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { KeyPair } from "./key-pair.ts";

const DAY_MS = 86_400_000;

/** Clocks of nodes differ. */
const EARLIER_MS = 3_600_000;

/** A new authority comes this long before the old one ends, and is trusted beside it for as long. */
const AUTHORITY_MS = 365 * DAY_MS;
const AUTHORITY_RENEWED_MS = 60 * DAY_MS;

const SERVED_MS = 30 * DAY_MS;
const SERVED_RENEWED_MS = 10 * DAY_MS;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const serverAuth = "1.3.6.1.5.5.7.3.1";

export interface Authority {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** What the API server is to trust: this one, and the one before it while that is good. */
  readonly bundlePem: string;
}

/** As the Secret holds it. */
export type SecretData = Readonly<Record<string, string>>;

export function isExpiring(certificatePem: string, now: Date, withinMs: number): boolean {
  return new X509Certificate(certificatePem).validToDate.getTime() - now.getTime() < withinMs;
}

export function needsAuthority(authority: Authority, now: Date): boolean {
  return isExpiring(authority.certificatePem, now, AUTHORITY_RENEWED_MS);
}

/** Nobody is to be served by it any more. */
export function isSpent(authority: Authority, now: Date): boolean {
  return isExpiring(authority.certificatePem, now, EARLIER_MS);
}

/** Whether the pair is to be made anew: it is not of this authority, or about to end, and another would last longer. */
export function needsPair(pair: KeyPair, authority: Authority, now: Date): boolean {
  const [served, issuer] = [new X509Certificate(pair.cert), new X509Certificate(authority.certificatePem)];
  if (!served.verify(issuer.publicKey)) return true;
  return isExpiring(pair.cert, now, SERVED_RENEWED_MS) && served.validToDate < issuer.validToDate;
}

/** With another one trusted beside it until that ends; the same value where that is so already. */
export function trustingToo(authority: Authority, other: Authority | undefined, now: Date): Authority {
  if (other === undefined || isExpiring(other.certificatePem, now, 0)) return authority;
  if (authority.bundlePem.includes(other.certificatePem.trim())) return authority;
  return { ...authority, bundlePem: authority.bundlePem + other.certificatePem };
}

/** Undefined when the Secret holds none that can be used. */
export function readAuthority(data: SecretData): Authority | undefined {
  const pem = (name: string): string => Buffer.from(data[name] ?? "", "base64").toString("utf8");
  const [certificatePem, keyPem, bundlePem] = [pem("tls.crt"), pem("tls.key"), pem("ca.crt")];
  try {
    const certificate = new X509Certificate(certificatePem);
    if (!certificate.ca || !certificate.checkPrivateKey(createPrivateKey(keyPem))) return undefined;
    return {
      certificatePem,
      keyPem,
      bundlePem: bundlePem.includes(certificatePem.trim()) ? bundlePem : certificatePem,
    };
  } catch {
    return undefined;
  }
}

export function writeAuthority({ certificatePem, keyPem, bundlePem }: Authority): SecretData {
  const data = { "tls.crt": certificatePem, "tls.key": keyPem, "ca.crt": bundlePem };
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString("base64")]));
}

/** @param before the one that it takes over from, which stays trusted until it ends */
export async function makeAuthority(now: Date, before?: Authority): Promise<Authority> {
  const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, SubjectKeyIdentifierExtension, ...x509 } =
    await import("../../cli/x509.ts");
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Names of authorities differ, so that nobody takes one for the other.
    name: `CN=nuncio admission authority ${now.toISOString()}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(now.getTime() - EARLIER_MS),
    notAfter: new Date(now.getTime() + AUTHORITY_MS),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const certificatePem = `${certificate.toString("pem")}\n`;
  const made = { certificatePem, keyPem: await pemOf(keys.privateKey), bundlePem: certificatePem };
  return trustingToo(made, before, now);
}

/** A certificate to serve, for these DNS names and addresses. */
export async function makePair(authority: Authority, hosts: readonly string[], now: Date): Promise<KeyPair> {
  const { AuthorityKeyIdentifierExtension, ExtendedKeyUsageExtension, SubjectAlternativeNameExtension, ...x509 } =
    await import("../../cli/x509.ts");
  const issuer = new X509Certificate(authority.certificatePem);
  const signingKey = await crypto.subtle.importKey("pkcs8", derOf(authority.keyPem), algorithm, false, ["sign"]);
  const publicKey = await crypto.subtle.importKey(
    "spki",
    issuer.publicKey.export({ type: "spki", format: "der" }),
    algorithm,
    true,
    ["verify"],
  );
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  // Not longer than who vouches for it.
  const ends = Math.min(now.getTime() + SERVED_MS, issuer.validToDate.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=nuncio-admission",
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(now.getTime() - EARLIER_MS),
    notAfter: new Date(ends),
    extensions: [
      new SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
      ),
      new ExtendedKeyUsageExtension([serverAuth]),
      await AuthorityKeyIdentifierExtension.create(publicKey),
    ],
  });
  const cert = `${certificate.toString("pem")}\n`;
  return {
    cert,
    key: await pemOf(keys.privateKey),
    serial: new X509Certificate(cert).serialNumber,
    expiresAt: new Date(ends),
  };
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const text = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${text.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}

function derOf(pem: string): Buffer<ArrayBuffer> {
  return Buffer.from(createPrivateKey(pem).export({ type: "pkcs8", format: "der" }));
}
