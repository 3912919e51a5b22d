import type { PathStep } from "../../ir/problem.ts";
import { type Checked, report, type Settings } from "./tls-settings.ts";

/**
 * What Envoy's TLS library understands in cipher_suites: names of suites, groups of them, and the same names as IANA has
 * them. Envoy refuses a whole Listener, with every Host on it, for one word that it does not know. Measured with Envoy 1.40;
 * test/compile/odd-input.test.ts asks it again.
 */
const keyExchanges = ["RSA", "ECDHE_RSA", "ECDHE_ECDSA"];
const ianaCiphers = ["AES_128_CBC_SHA", "AES_256_CBC_SHA", "AES_128_GCM_SHA256", "AES_256_GCM_SHA384"];

export const cipherWords: ReadonlySet<string> = new Set([
  ...["AES128-SHA", "AES256-SHA", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "DES-CBC3-SHA"],
  ...["ECDHE-RSA", "ECDHE-ECDSA"].flatMap((exchange) =>
    ["AES128-SHA", "AES128-SHA256", "AES256-SHA", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map(
      (cipher) => `${exchange}-${cipher}`,
    ),
  ),
  ...["PSK-AES128-CBC-SHA", "PSK-AES256-CBC-SHA", "ECDHE-PSK-AES128-CBC-SHA", "ECDHE-PSK-AES256-CBC-SHA"],
  "ECDHE-PSK-CHACHA20-POLY1305",
  ...["ALL", "HIGH", "FIPS", "kRSA", "kECDHE", "kEECDH", "kPSK", "ECDHE", "EECDH", "RSA", "PSK", "ECDSA"],
  ...["aRSA", "aECDSA", "aPSK", "3DES", "AES128", "AES256", "AES", "AESGCM", "CHACHA20", "SHA", "SHA1"],
  ...["SSLv3", "TLSv1", "TLSv1.2"],
  ...keyExchanges.flatMap((exchange) => ianaCiphers.map((cipher) => `TLS_${exchange}_WITH_${cipher}`)),
  ...["RSA", "ECDSA"].flatMap((signature) =>
    ["CHACHA20_POLY1305_SHA256", "AES_128_CBC_SHA256"].map((cipher) => `TLS_ECDHE_${signature}_WITH_${cipher}`),
  ),
  "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
]);

export const curveWords: ReadonlySet<string> = new Set([
  ...["X25519", "x25519", "X25519MLKEM768", "MLKEM1024"],
  ...["P-256", "prime256v1", "P-384", "secp384r1", "P-521", "secp521r1"],
]);

/** `[A|B]` are alike in preference, `A+B` is what is both, `!A` and `-A` take away; DEFAULT can only be the first of all. */
function unknownCipher(text: string, index: number): string | undefined {
  const words = (index === 0 ? text.replace(/^DEFAULT(?=:|$)/, "") : text)
    .split(/[:|[\]]/)
    .flatMap((item) => item.replace(/^[!-]/, "").split("+"));
  return words.find((word) => word !== "" && !cipherWords.has(word));
}

function unknownCurve(text: string): string | undefined {
  return text.split(":").find((word) => word !== "" && !curveWords.has(word));
}

/** Tells words of cipher_suites and ecdh_curves that Envoy does not know. */
export function checkTlsWords(settings: Settings, at: Checked, path: readonly PathStep[]): void {
  const check = (
    field: "cipher_suites" | "ecdh_curves",
    unknown: (text: string, index: number) => string | undefined,
    advice: string,
  ): void => {
    for (const [index, text] of (settings[field] ?? []).entries()) {
      const word = unknown(text, index);
      if (word === undefined) continue;
      const message = `${JSON.stringify(word)} is none that Envoy knows`;
      report(at, "InvalidField", [...path, field, index], message, advice);
    }
  };
  check(
    "cipher_suites",
    unknownCipher,
    "write one suite for each item, for example ECDHE-RSA-AES128-GCM-SHA256; those of TLS 1.3 are not chosen",
  );
  check("ecdh_curves", unknownCurve, "use X25519, P-256, P-384, P-521 or X25519MLKEM768");
}
