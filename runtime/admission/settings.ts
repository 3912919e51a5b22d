import { type Environment, readSettings, type RunFlags, type SettingProblem, type Settings } from "../settings.ts";
import type { KeyPairFiles } from "./key-pair.ts";

/** Flags of `nuncio admission`, as text from the command line. A flag wins over its environment variable. */
export interface AdmissionFlags extends Pick<RunFlags, "adminPort" | "logLevel" | "drainDelay"> {
  readonly port?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
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
  readonly keyPair: KeyPairFiles;
  /** How often the files are read again. */
  readonly keyPairPollMs: number;
}

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
  const settings: AdmissionSettings = {
    ...shared.settings,
    port: Number.isNaN(number) ? defaultPort : number,
    keyPair: {
      cert: file("--cert", flags.cert, "NUNCIO_ADMISSION_CERT", "the certificate and its chain (PEM)"),
      key: file("--key", flags.key, "NUNCIO_ADMISSION_KEY", "the certificate's private key (PEM)"),
    },
    keyPairPollMs: 1000,
  };
  if (settings.port === settings.adminPort) {
    problems.push({ name: "--port", value: String(settings.port), advice: "choose another one than --admin-port" });
  }
  return { settings, problems };
}
