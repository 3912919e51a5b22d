import { customKinds } from "../../capabilities/kinds.ts";
import { admissionName } from "../../capabilities/webhook.ts";
import { type Environment, readSettings, type RunFlags, type SettingProblem, type Settings } from "../settings.ts";
import type { KeyPairFiles } from "./key-pair.ts";
import type { Address } from "./trust.ts";

/** Flags of `nuncio admission`, as text from the command line. A flag wins over its environment variable. */
export interface AdmissionFlags extends Pick<RunFlags, "adminPort" | "logLevel" | "drainDelay"> {
  readonly port?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly certificates?: string | undefined;
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  readonly convert?: boolean | undefined;
  readonly mutate?: boolean | undefined;
}

type Shared = Pick<
  Settings,
  | "ambassadorId"
  | "namespace"
  | "singleNamespace"
  | "secretsSingleNamespace"
  | "looseLabelSelectors"
  | "labelSelector"
  | "fieldSelector"
  | "envoyBindAddress"
  | "drainDelayMs"
  | "adminAddress"
  | "adminPort"
  | "logLevel"
  | "jsonLogging"
>;

export interface AdmissionSettings extends Shared {
  /** Where the API server asks. */
  readonly port: number;
  readonly certificates: CertificateSettings;
  /** Deprecated spellings are rewritten, as the MutatingWebhookConfiguration asks. */
  readonly mutate: boolean;
  /** How often files are read again. */
  readonly keyPairPollMs: number;
}

export type CertificateSettings =
  | { readonly kind: "files"; readonly keyPair: KeyPairFiles }
  /** The process makes them, and has the API server trust them. */
  | {
      readonly kind: "own";
      /** Of the webhook configurations. */
      readonly name: string;
      readonly secretName: string;
      readonly address: Address;
      /** CRDs that are converted here. */
      readonly crds: readonly string[];
      readonly lookEveryMs: number;
    };

const defaultPort = 8443;

/** `inClusterNamespace` is the content of the service account's namespace file, where there is one. */
export function readAdmissionSettings(
  flags: AdmissionFlags,
  env: Environment,
  inClusterNamespace?: string,
): { readonly settings: AdmissionSettings; readonly problems: readonly SettingProblem[] } {
  const { adminPort, logLevel, drainDelay } = flags;
  const shared = readSettings({ adminPort, logLevel, drainDelay }, env, inClusterNamespace);
  const problems = [...shared.problems];

  const choose = (flag: string, given: string | undefined, variable: string): { name: string; value: string } => {
    if (given !== undefined) return { name: flag, value: given.trim() };
    return { name: variable, value: env[variable]?.trim() ?? "" };
  };
  const file = (flag: string, given: string | undefined, variable: string, what: string): string => {
    const { value } = choose(flag, given, variable);
    if (value === "") problems.push({ name: flag, value, advice: `name the file with ${what}, or set ${variable}` });
    return value;
  };

  const port = choose("--port", flags.port, "NUNCIO_ADMISSION_PORT");
  const number = /^\d{1,5}$/.test(port.value) ? Number(port.value) : Number.NaN;
  if (port.value !== "" && !(number >= 1 && number <= 65_535)) {
    problems.push({ ...port, advice: "write a whole number from 1 to 65535" });
  }
  const isOn = (flag: string, given: boolean | undefined, variable: string): boolean => {
    const { name, value } = choose(flag, given === undefined ? undefined : String(given), variable);
    if (!["", "true", "false"].includes(value)) problems.push({ name, value, advice: "write true or false" });
    return value === "true";
  };
  const certificates = (): CertificateSettings => {
    const mode = choose("--certificates", flags.certificates, "NUNCIO_ADMISSION_CERTIFICATES");
    if (!["", "files", "own"].includes(mode.value)) problems.push({ ...mode, advice: "write files or own" });
    const convert = isOn("--convert", flags.convert, "NUNCIO_ADMISSION_CONVERT");
    if (mode.value === "own") return own(convert);
    if (convert) {
      const advice = "it needs certificates of the process's own: add --certificates own";
      problems.push({ name: "--convert", value: "true", advice });
    }
    const cert = file("--cert", flags.cert, "NUNCIO_ADMISSION_CERT", "the certificate and its chain (PEM)");
    const key = file("--key", flags.key, "NUNCIO_ADMISSION_KEY", "the certificate's private key (PEM)");
    return { kind: "files", keyPair: { cert, key } };
  };
  const own = (convert: boolean): CertificateSettings => {
    const name = choose("--name", flags.name, "NUNCIO_ADMISSION_NAME").value || admissionName;
    const url = choose("--url", flags.url, "NUNCIO_ADMISSION_URL");
    const isUrl = /^https:\/\/[^/?#\s]+\/?$/.test(url.value);
    if (url.value !== "" && !isUrl) problems.push({ ...url, advice: "write https://HOST:PORT" });
    return {
      kind: "own",
      name,
      secretName: `${name}-ca`,
      address: isUrl
        ? { kind: "url", url: url.value.replace(/\/$/, "") }
        : { kind: "service", name, namespace: shared.settings.namespace, port: 443 },
      crds: convert ? customKinds.map(({ plural, group }) => `${plural}.${group}`) : [],
      lookEveryMs: 5000,
    };
  };
  const settings: AdmissionSettings = {
    ...shared.settings,
    port: Number.isNaN(number) ? defaultPort : number,
    certificates: certificates(),
    mutate: isOn("--mutate", flags.mutate, "NUNCIO_ADMISSION_MUTATE"),
    keyPairPollMs: 1000,
  };
  if (settings.port === settings.adminPort) {
    problems.push({ name: "--port", value: String(settings.port), advice: "choose another one than --admin-port" });
  }
  return { settings, problems };
}
