/** Secrets as a bundle has them: what is public in them, what they are good for, and nothing else. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { secretKeys, type SecretKey } from "../../crds/core.ts";
import { type Fields, isFields } from "../../crds/metadata.ts";
import { selfSigned } from "../self-signed.ts";

/** Stands for a private key; who reads the bundle makes a new one that behaves as the real one did. */
const keyMarks = {
  /** It belongs to the certificate. */
  good: "[redacted: a private key]",
  /** It is one, of another certificate. */
  stray: "[redacted: another private key]",
  /** It is none. */
  bad: "[redacted]",
} as const;

/** Shows nothing, and is neither a certificate nor base64. */
const HIDDEN = "[redacted]";

const privateKeys: ReadonlySet<string> = new Set<SecretKey>(["tls.key", "key.pem", "user.key"]);

/** Where the certificate is that a key belongs to: as a gateway looks for it. */
function chainName(has: (key: SecretKey) => boolean): SecretKey {
  return has("tls.crt") ? "tls.crt" : "cert-chain.pem";
}

/** The certificates and lists of revoked ones of a text: combined PEM files have a private key beside them. */
const publicPem = /-----BEGIN (CERTIFICATE|X509 CRL)-----[\s\S]*?-----END \1-----/g;

/** Only keys that a gateway reads are kept. Text stands under stringData, so that people can read it. */
export function redactSecret(raw: Fields): Fields {
  const { data, stringData, metadata, type, ...rest } = raw;
  const chain = textOf(
    raw,
    chainName((key) => textOf(raw, key) !== undefined),
  );
  const kept: [string, unknown][] = [];
  const broken: [string, unknown][] = [];
  for (const key of secretKeys) {
    const plain = isFields(stringData) ? stringData[key] : undefined;
    const encoded = isFields(data) ? data[key] : undefined;
    if (plain === undefined && encoded === undefined) continue;
    const text = typeof plain === "string" ? plain : decoded(encoded);
    // What is no text or no base64 is so in the bundle too.
    if (text === undefined) broken.push([key, HIDDEN]);
    else kept.push([key, redactedValue(key, text, chain)]);
  }
  return {
    apiVersion: rest["apiVersion"],
    kind: rest["kind"],
    metadata,
    type,
    ...(broken.length === 0 ? {} : { data: Object.fromEntries(broken) }),
    stringData: Object.fromEntries(kept),
  };
}

function redactedValue(key: SecretKey, text: string, chain: string | undefined): string {
  if (privateKeys.has(key)) return keyMarks[standing(text, chain)];
  if (key === "cert_required") return /^\s*(true|false)\s*$/i.test(text) ? text : HIDDEN;
  return text.match(publicPem)?.join("\n") ?? HIDDEN;
}

function standing(text: string, chain: string | undefined): keyof typeof keyMarks {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    return "bad";
  }
  try {
    return new X509Certificate(chain ?? "").checkPrivateKey(key) ? "good" : "stray";
  } catch {
    return "stray";
  }
}

function textOf(raw: Fields, key: SecretKey): string | undefined {
  const { data, stringData } = raw;
  const plain = isFields(stringData) ? stringData[key] : undefined;
  return typeof plain === "string" ? plain : decoded(isFields(data) ? data[key] : undefined);
}

function decoded(value: unknown): string | undefined {
  return typeof value === "string" && /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)
    ? Buffer.from(value, "base64").toString("utf8")
    : undefined;
}

/** With throw-away keys in the place of those that were hidden, and a certificate for them that is good as long as the real one. */
export async function reviveSecret(raw: Fields): Promise<Fields> {
  const { stringData } = raw;
  if (!isFields(stringData)) return raw;
  const chain = chainName((key) => Object.hasOwn(stringData, key));
  const pair = () => selfSigned({ name: "redacted by nuncio bundle", ...datesOf(stringData[chain]) });
  const hasMark = (mark: string) => Object.values(stringData).includes(mark);
  const good = hasMark(keyMarks.good) ? await pair() : undefined;
  const stray = hasMark(keyMarks.stray) ? await pair() : undefined;
  const revived = Object.entries(stringData).map(([name, value]): [string, unknown] => {
    if (name === chain && good !== undefined) return [name, good.certificatePem];
    if (value === keyMarks.good) return [name, good?.keyPem];
    return [name, value === keyMarks.stray ? stray?.keyPem : value];
  });
  return { ...raw, stringData: Object.fromEntries(revived) };
}

function datesOf(pem: unknown): { readonly notBefore?: Date; readonly notAfter: Date } {
  try {
    const { validFrom, validTo } = new X509Certificate(String(pem));
    return { notBefore: new Date(validFrom), notAfter: new Date(validTo) };
  } catch {
    return { notAfter: new Date("2099-01-01") };
  }
}
