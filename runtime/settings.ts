import { type ConsulSettings, consulSettings } from "./consul-settings.ts";
import { logLevels } from "./log.ts";
import type { LogLevel } from "./log.ts";
import type { RouteMatching } from "../ir/settings.ts";

/** Flags of `nuncio run`, as text from the command line. A flag wins over its environment variable. */
export interface RunFlags {
  readonly config?: string | undefined;
  readonly adminPort?: string | undefined;
  readonly envoy?: string | undefined;
  readonly runDir?: string | undefined;
  readonly logLevel?: string | undefined;
  /** Seconds. */
  readonly drainDelay?: string | undefined;
  readonly stats?: string | undefined;
  readonly routeMatching?: string | undefined;
  /** Serve nothing; see cli/shadow.ts. */
  readonly shadow?: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Which of Envoy's statistics exist. They cost memory and start time per cluster, and are fixed when Envoy starts. */
export type StatsSelection = "default" | "all";

export interface StatsdSettings {
  /** Name or address; the port is 8125, by UDP. */
  readonly host: string;
  readonly flushSeconds: number;
  readonly dogstatsd: boolean;
  /** Datadog's tag for the Pod. */
  readonly entityId: string | undefined;
}

export const envoyLogLevels = ["trace", "debug", "info", "warning", "error", "critical", "off"] as const;
export type EnvoyLogLevel = (typeof envoyLogLevels)[number];

export type Mode =
  /** A directory or a file of manifests. */
  | { readonly kind: "standalone"; readonly configPath: string }
  /** The cluster of KUBECONFIG, or the one we run in. */
  | { readonly kind: "cluster" };

export interface Settings {
  readonly mode: Mode;
  readonly ambassadorId: string;
  /** The gateway's own namespace. */
  readonly namespace: string;
  /** Only the own namespace is watched. */
  readonly singleNamespace: boolean;
  /** Of Secrets only those of the own namespace are watched. */
  readonly secretsSingleNamespace: boolean;
  /** Only what matches is watched, Services and Secrets included. */
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
  /** `namespace/name` of the Service in front of the gateway. */
  readonly service: string | undefined;
  /** Any one label of a selector is enough, and for a Host the hostname too. */
  readonly looseLabelSelectors: boolean;
  /** Envoy's node id; the Pod's name in a cluster. */
  readonly nodeId: string;
  /** Undefined: the one that set-up installed. */
  readonly envoyPath: string | undefined;
  /** Worker threads; undefined: see envoy-limits.ts, as for the next two, where 0 is no limit. */
  readonly envoyConcurrency: number | undefined;
  readonly maxHeapMiB: number | undefined;
  readonly maxConnections: number | undefined;
  readonly envoyLogLevel: EnvoyLogLevel;
  /** The address that Listeners bind. */
  readonly envoyBindAddress: string;
  readonly stats: StatsSelection;
  /** Where Envoy sends its statistics; undefined: nowhere. */
  readonly statsd: StatsdSettings | undefined;
  /** See CompileSettings. */
  readonly routeMatching: RouteMatching;
  /** How long old connections may live on, after SIGTERM and after a listener's removal. Whole seconds. */
  readonly drainTimeMs: number;
  /** How long /readyz says 503 before the drain begins, so that load balancers have moved on. */
  readonly drainDelayMs: number;
  /** Knative's Ingresses are read. */
  readonly knative: boolean;
  /** The status of objects is written. */
  readonly updateStatus: boolean;
  readonly consul: ConsulSettings;
  /** Where Istio's agent writes a certificate; undefined: nowhere. */
  readonly istioSecretDir: string | undefined;
  readonly adminAddress: string;
  readonly adminPort: number;
  /** The folder in which the run directory is made; undefined: see run-dir.ts. */
  readonly runDirBase: string | undefined;
  readonly logLevel: LogLevel;
  readonly jsonLogging: boolean;
}

/** A flag or a variable that cannot be used; its default stands in for it. */
export interface SettingProblem {
  /** `--admin-port` or `ENVOY_CONCURRENCY`. */
  readonly name: string;
  readonly value: string;
  /** What to write instead. */
  readonly advice: string;
}

/** `ENVOY_CONCURRENCY="many": write a whole number from 1 to 1024` */
export function formatSettingProblem({ name, value, advice }: SettingProblem): string {
  return `${name}=${JSON.stringify(value)}: ${advice}`;
}

/** Where Envoy reaches the admin port, from the same machine. */
export function ownServiceOf({ adminAddress, adminPort }: Pick<Settings, "adminAddress" | "adminPort">): string {
  if (adminAddress === "0.0.0.0") return `127.0.0.1:${adminPort}`;
  if (adminAddress.includes(":")) return `[${adminAddress === "::" ? "::1" : adminAddress}]:${adminPort}`;
  return `${adminAddress}:${adminPort}`;
}

const bindAddresses = /^[0-9A-Fa-f:.]+$/;

/** Reads what people set. `inClusterNamespace` is the content of the service account's namespace file, where there is one. */
export function readSettings(
  flags: RunFlags,
  env: Environment,
  inClusterNamespace?: string,
): { readonly settings: Settings; readonly problems: readonly SettingProblem[] } {
  const problems: SettingProblem[] = [];
  const reader = settingReader(env, (problem) => problems.push(problem));
  const standalone = flags.config !== undefined;
  const debug = env["AMBASSADOR_DEBUG"] ?? "";
  const namespace = reader.name("AMBASSADOR_NAMESPACE", trimmed(inClusterNamespace) ?? "default");
  const settings: Settings = {
    mode: flags.config === undefined ? { kind: "cluster" } : { kind: "standalone", configPath: flags.config },
    ambassadorId: reader.name("AMBASSADOR_ID", "default"),
    namespace,
    singleNamespace: reader.boolean("AMBASSADOR_SINGLE_NAMESPACE", false),
    secretsSingleNamespace: reader.boolean("AMBASSADOR_CERTS_SINGLE_NAMESPACE", false),
    labelSelector: trimmed(env["AMBASSADOR_LABEL_SELECTOR"]),
    fieldSelector: trimmed(env["AMBASSADOR_FIELD_SELECTOR"]),
    service: qualified(reader.optionalName("NUNCIO_SERVICE"), namespace),
    looseLabelSelectors: reader.boolean("DISABLE_STRICT_LABEL_SELECTORS", false),
    nodeId: trimmed(env["POD_NAME"]) ?? trimmed(env["HOSTNAME"]) ?? "nuncio",
    envoyPath: flags.envoy,
    envoyConcurrency: reader.optionalInteger({ variable: "ENVOY_CONCURRENCY", min: 1, max: 1024 }),
    maxHeapMiB: reader.optionalInteger({ variable: "NUNCIO_ENVOY_MAX_HEAP_MIB", min: 0, max: 4_194_304 }),
    maxConnections: reader.optionalInteger({ variable: "NUNCIO_MAX_CONNECTIONS", min: 0, max: 100_000_000 }),
    // Emissary's words: AMBASSADOR_DEBUG=envoy has Envoy trace everything.
    envoyLogLevel: debug.includes("envoy") ? "trace" : "warning",
    envoyBindAddress: reader.address("AMBASSADOR_ENVOY_BIND_ADDRESS", "0.0.0.0"),
    stats: reader.oneOf({ flag: "--stats", flagValue: flags.stats, choices: ["default", "all"], fallback: "default" }),
    statsd: reader.boolean("STATSD_ENABLED", false)
      ? {
          host: reader.name("STATSD_HOST", "statsd-sink"),
          flushSeconds: reader.integer({ variable: "STATSD_FLUSH_INTERVAL", min: 1, max: 3600, fallback: 1 }),
          dogstatsd: reader.boolean("DOGSTATSD", false),
          entityId: reader.optionalName("DD_ENTITY_ID"),
        }
      : undefined,
    routeMatching: reader.oneOf({
      flag: "--route-matching",
      flagValue: flags.routeMatching,
      choices: ["auto", "list", "tree"],
      fallback: "auto",
    }),
    drainTimeMs:
      1000 * reader.integer({ variable: "AMBASSADOR_DRAIN_TIME", min: 0, max: 86_400, fallback: 600, unit: "seconds" }),
    drainDelayMs: 1000 * reader.seconds("--drain-delay", flags.drainDelay, standalone ? 0 : 5),
    knative: reader.boolean("AMBASSADOR_KNATIVE_SUPPORT", false),
    updateStatus: reader.boolean("AMBASSADOR_UPDATE_MAPPING_STATUS", true),
    consul: consulSettings(env, reader.boolean),
    istioSecretDir: trimmed(env["AMBASSADOR_ISTIO_SECRET_DIR"]),
    // Kubelet's probes come from outside of the Pod; on a person's machine nobody else has business there.
    adminAddress: reader.address("AMBASSADOR_HEALTHCHECK_BIND_ADDRESS", standalone ? "127.0.0.1" : "0.0.0.0"),
    adminPort: reader.integer({
      flag: "--admin-port",
      flagValue: flags.adminPort,
      variable: "AMBASSADOR_HEALTHCHECK_BIND_PORT",
      min: 1,
      max: 65_535,
      fallback: 8877,
    }),
    runDirBase: flags.runDir,
    logLevel: reader.logLevel("--log-level", flags.logLevel, "AES_LOG_LEVEL"),
    jsonLogging: reader.boolean("AMBASSADOR_JSON_LOGGING", false),
  };
  return { settings, problems };
}

interface IntegerSetting {
  readonly flag?: string;
  readonly flagValue?: string | undefined;
  readonly variable: string;
  readonly min: number;
  readonly max: number;
  readonly unit?: string;
}

interface ChoiceSetting<T extends string> {
  readonly flag: string;
  readonly flagValue: string | undefined;
  readonly choices: readonly T[];
  readonly fallback: T;
}

function settingReader(env: Environment, report: (problem: SettingProblem) => void) {
  /** An empty variable is an unset one: that is how manifests and shells switch one off. */
  const variable = (name: string) => trimmed(env[name]);

  function optionalInteger({ flag, flagValue, variable: name, min, max, unit }: IntegerSetting): number | undefined {
    const source =
      flag !== undefined && flagValue !== undefined
        ? { name: flag, value: flagValue }
        : { name, value: variable(name) };
    if (source.value === undefined) return undefined;
    const number = /^\d{1,9}$/.test(source.value) ? Number(source.value) : Number.NaN;
    if (number >= min && number <= max) return number;
    report({
      name: source.name,
      value: source.value,
      advice: `write a whole number ${unit === undefined ? "" : `of ${unit} `}from ${min} to ${max}`,
    });
    return undefined;
  }

  function optionalName(name: string): string | undefined {
    const value = variable(name);
    if (value === undefined || /^\S+$/.test(value)) return value;
    report({ name, value, advice: "write a name without spaces" });
    return undefined;
  }

  return {
    optionalInteger,
    integer: (setting: IntegerSetting & { readonly fallback: number }) => optionalInteger(setting) ?? setting.fallback,

    /** Kubernetes names and Emissary's ids: whatever is not blank and holds no blank. */
    name: (name: string, fallback: string) => optionalName(name) ?? fallback,
    optionalName,

    boolean(name: string, fallback: boolean): boolean {
      const value = variable(name);
      if (value === undefined) return fallback;
      if (/^(true|1|yes|on|t|y)$/i.test(value)) return true;
      if (/^(false|0|no|off|f|n)$/i.test(value)) return false;
      report({ name, value, advice: "write true or false" });
      return fallback;
    },

    address(name: string, fallback: string): string {
      const value = variable(name);
      if (value === undefined || (bindAddresses.test(value) && /[:.]/.test(value))) return value ?? fallback;
      report({ name, value, advice: 'write an IP address of this machine, or "0.0.0.0" for all of them' });
      return fallback;
    },

    seconds(flag: string, value: string | undefined, fallback: number): number {
      if (value === undefined) return fallback;
      const number = /^\d{1,5}(\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN;
      if (number <= 3600) return number;
      report({ name: flag, value, advice: "write a number of seconds from 0 to 3600" });
      return fallback;
    },

    oneOf<T extends string>({ flag, flagValue, choices, fallback }: ChoiceSetting<T>): T {
      if (flagValue === undefined) return fallback;
      const choice = choices.find((each) => each === flagValue);
      if (choice === undefined) report({ name: flag, value: flagValue, advice: `write one of ${choices.join(", ")}` });
      return choice ?? fallback;
    },

    logLevel(flag: string, flagValue: string | undefined, name: string): LogLevel {
      const source = flagValue !== undefined ? { name: flag, value: flagValue } : { name, value: variable(name) };
      if (source.value === undefined) return "info";
      const word = source.value.toLowerCase();
      // The other words that Emissary's loggers take.
      const synonyms: Readonly<Record<string, LogLevel>> = {
        trace: "debug",
        warning: "warn",
        fatal: "error",
        panic: "error",
      };
      const level = logLevels.find((each) => each === word) ?? synonyms[word];
      if (level === undefined)
        report({ name: source.name, value: source.value, advice: `write one of ${logLevels.join(", ")}` });
      return level ?? "info";
    },
  };
}

function qualified(name: string | undefined, namespace: string): string | undefined {
  return name === undefined || name.includes("/") ? name : `${namespace}/${name}`;
}

function trimmed(value: string | undefined): string | undefined {
  const text = value?.trim();
  return text === "" ? undefined : text;
}
