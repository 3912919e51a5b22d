import { tlsVersions } from "../../crds/tls-settings.ts";
import { asked } from "../../features/feature.ts";
import { nearest } from "../../crds/nearest.ts";
import { type Checked, report, reportIgnored, type Settings } from "./tls-settings.ts";
import type { PathOf } from "./tls-secrets.ts";

/** What Envoy's TLS library has up to TLS 1.2. A list that it does not take would make Envoy refuse the Listener, with all of its Hosts. */
export const cipherSuites: readonly string[] = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "ECDHE-ECDSA-AES128-SHA256",
  "ECDHE-RSA-AES128-SHA256",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
  "DES-CBC3-SHA",
  "ECDHE-PSK-AES128-CBC-SHA",
  "ECDHE-PSK-AES256-CBC-SHA",
  "ECDHE-PSK-CHACHA20-POLY1305",
  "PSK-AES128-CBC-SHA",
  "PSK-AES256-CBC-SHA",
];

/** Words for several at once, and the standard's names, of which the library knows all that it has. */
const aliases = /^(ALL|HIGH|FIPS|[ak]?(RSA|ECDHE|ECDSA|EECDH|PSK)|AES(128|256|GCM)?|CHACHA20|SHA1?|3DES|TLSv1(\.2)?)$/;
const standardName = /^TLS_[A-Z0-9_]+_WITH_[A-Z0-9_]+$/;

function isKnown(name: string): boolean {
  if (cipherSuites.includes(name) || standardName.test(name)) return true;
  return name.split("+").every((word) => aliases.test(word));
}

export const curves: readonly string[] = ["X25519", "P-256", "P-384", "P-521", "X25519MLKEM768", "MLKEM1024"];

/** Other names of curves. Envoy refuses a curve that is there twice, by whatever names. */
const curveNames: Readonly<Record<string, string>> = {
  x25519: "X25519",
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

/** Envoy's name for the order of equals: `[A|B]`. */
const namesIn = (suite: string): readonly string[] =>
  suite
    .replace(/^\[(.*)\]$/, "$1")
    .split(/[|:]/)
    .map((name) => name.replace(/^[!+-]/, ""));

/** Settings that Envoy would refuse, each an error. */
export function checkParameters(settings: Settings, at: Checked, pathOf: PathOf): void {
  const refuse = (field: string, value: string, known: readonly string[]): void => {
    const near = nearest(value, [...known]);
    const advice = near === undefined ? `write one of ${known.join(", ")}` : `did you mean ${near}?`;
    report(at, "InvalidField", pathOf(field), `${JSON.stringify(value)} is not known to Envoy`, advice);
  };
  const before = at.problems.length;
  for (const suite of settings.cipher_suites ?? [])
    for (const name of namesIn(suite)) if (!isKnown(name)) refuse("cipher_suites", name, cipherSuites);
  if (at.problems.length === before) askAboutCiphers(settings, at, pathOf);
  const seen = new Set<string>();
  for (const written of settings.ecdh_curves ?? []) {
    const curve = curveNames[written] ?? written;
    if (!curves.includes(curve)) refuse("ecdh_curves", written, curves);
    else if (seen.has(curve))
      report(at, "InvalidField", pathOf("ecdh_curves"), `${written} is there twice`, "remove one of them");
    seen.add(curve);
  }
  const { min_tls_version: min, max_tls_version: max } = settings;
  const versions: readonly string[] = tlsVersions;
  if (min !== undefined && !versions.includes(min)) refuse("min_tls_version", min, versions);
  if (max !== undefined && !versions.includes(max)) refuse("max_tls_version", max, versions);
  if (min !== undefined && max !== undefined && versions.indexOf(min) > versions.indexOf(max)) {
    const message = `${min} is above max_tls_version ${max}`;
    report(at, "InvalidField", pathOf("min_tls_version"), message, "lower one, or raise the other");
  }
  for (const protocol of settings.alpn_protocols?.split(",") ?? []) {
    // Documentation writes h2[, http/1.1] for "h2, and perhaps http/1.1", and people copy it.
    if (/[[\]]/.test(protocol)) {
      const message = `${JSON.stringify(protocol.trim())} is a protocol that no client asks for`;
      reportIgnored(at, pathOf("alpn_protocols"), message, "write h2,http/1.1, without brackets");
    }
    if (protocol.trim().length <= 255) continue;
    report(at, "InvalidField", pathOf("alpn_protocols"), "a protocol has more than 255 signs", "write h2,http/1.1");
  }
}

/** Names by themselves are known. What comes of words for several, of signs and of brackets, only the library's own parser knows. */
function askAboutCiphers({ cipher_suites: suites = [] }: Settings, at: Checked, pathOf: PathOf): void {
  if (suites.every((suite) => cipherSuites.includes(suite))) return;
  const parameters = { minVersion: undefined, maxVersion: undefined, ecdhCurves: [], alpnProtocols: [] };
  const problem = asked(
    { kind: "tlsParameters", parameters: { ...parameters, cipherSuites: suites } },
    pathOf("cipher_suites"),
    `the list ${JSON.stringify(suites)}`,
    `write names such as ${cipherSuites.slice(0, 2).join(", ")}`,
  );
  at.problems.push({ ...problem, object: at.object });
}
