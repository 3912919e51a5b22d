import { randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import "../../cli/reflect.ts";

// jest runs CommonJS packages before any module of ours, unless they are imported so.
const x509 = await import("@peculiar/x509");

export interface CertificateOptions {
  /** Host names and IP addresses that it is good for; the first one is its common name too. */
  readonly hosts: readonly string[];
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in a day. */
  readonly notAfter?: Date;
  readonly key?: "P-256" | "P-384" | "RSA-2048" | "RSA-1024";
  /** May sign other certificates. */
  readonly isAuthority?: boolean;
}

export interface Certificate {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly keyPem: string;
  /** Upper-case hex, as Node's `getPeerCertificate().serialNumber` and `openssl x509 -serial` show it. */
  readonly serial: string;
}

const HOUR_MS = 3_600_000;

const algorithms = {
  "P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  "P-384": { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  "RSA-2048": {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
  /** Too weak for Envoy. */
  "RSA-1024": {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 1024,
  },
} as const;

/** A new certificate with its own key, signed by that key: its own authority for clients (`ca`, `caBundle`). */
export function selfSigned(options: CertificateOptions): Promise<Certificate> {
  return issue(options, undefined);
}

/** A new certificate with its own key, signed by `authority` (a `selfSigned` one with `isAuthority`). */
export function signedBy(authority: Certificate, options: CertificateOptions): Promise<Certificate> {
  return issue(options, authority);
}

/** The list of revoked certificates of `authority`, as PEM: good for a day. */
export async function revocations(authority: Certificate, revoked: readonly Certificate[]): Promise<string> {
  const now = Date.now();
  const list = await x509.X509CrlGenerator.create(
    {
      issuer: new x509.X509Certificate(authority.certificatePem).subject,
      thisUpdate: new Date(now - HOUR_MS),
      nextUpdate: new Date(now + 24 * HOUR_MS),
      // With a reason: without one the library writes an empty list of extensions, which BoringSSL refuses.
      entries: revoked.map(({ serial }) => ({
        serialNumber: serial,
        revocationDate: new Date(now - HOUR_MS),
        reason: x509.X509CrlReason.superseded,
      })),
      signingAlgorithm: algorithmOf(authority),
      signingKey: await importKey(authority),
    },
    webcrypto,
  );
  // The label of RFC 7468; the library writes a shorter one, which OpenSSL and BoringSSL do not know.
  return `${list.toString("pem").replaceAll(" CRL-----", " X509 CRL-----")}\n`;
}

async function issue(options: CertificateOptions, authority: Certificate | undefined): Promise<Certificate> {
  const { hosts, isAuthority = false, key = "P-256" } = options;
  const now = Date.now();
  const { privateKey, publicKey } = await generateKey(key);
  const issuer = authority === undefined ? undefined : new x509.X509Certificate(authority.certificatePem);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      subject: [{ CN: [commonName(hosts)] }],
      issuer: issuer?.subjectName.toJSON() ?? [{ CN: [commonName(hosts)] }],
      notBefore: options.notBefore ?? new Date(now - HOUR_MS),
      notAfter: options.notAfter ?? new Date(now + 24 * HOUR_MS),
      publicKey,
      signingKey: authority === undefined ? privateKey : await importKey(authority),
      signingAlgorithm: authority === undefined ? algorithms[key] : algorithmOf(authority),
      extensions: [
        new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) ? "ip" : "dns", value }))),
        new x509.BasicConstraintsExtension(isAuthority, undefined, true),
        new x509.KeyUsagesExtension(usagesOf(isAuthority), true),
        ...(isAuthority
          ? []
          : [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth])]),
      ],
    },
    webcrypto,
  );
  const certificatePem = `${certificate.toString("pem")}\n`;
  return {
    certificatePem,
    keyPem: x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY") + "\n",
    serial: new X509Certificate(certificatePem).serialNumber,
  };
}

function usagesOf(isAuthority: boolean): number {
  const { digitalSignature, keyEncipherment, keyCertSign, cRLSign } = x509.KeyUsageFlags;
  return isAuthority ? keyCertSign | cRLSign : digitalSignature | keyEncipherment;
}

/** At most 64 characters: RFC 5280, ub-common-name. */
function commonName(hosts: readonly string[]): string {
  return (hosts[0] ?? "nobody").slice(0, 64);
}

function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40; // positive, and no zero in front
  return bytes.toString("hex");
}

async function generateKey(key: keyof typeof algorithms): Promise<webcrypto.CryptoKeyPair> {
  // Both are pairs: the algorithm is one of signatures.
  return (await webcrypto.subtle.generateKey(algorithms[key], true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

function algorithmOf({ certificatePem }: Certificate): (typeof algorithms)[keyof typeof algorithms] {
  const { algorithm } = new x509.X509Certificate(certificatePem).publicKey;
  if (algorithm.name !== "ECDSA") return algorithms["RSA-2048"];
  return "namedCurve" in algorithm && algorithm.namedCurve === "P-384" ? algorithms["P-384"] : algorithms["P-256"];
}

function importKey(certificate: Certificate): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(certificate.keyPem);
  return webcrypto.subtle.importKey("pkcs8", der, algorithmOf(certificate), false, ["sign"]);
}
