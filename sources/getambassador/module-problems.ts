import type { ModuleConfig } from "../../crds/module-config.ts";
import { errorOverridesOf } from "../../features/error-overrides.ts";
import { type FieldProblem, ignored } from "../../features/feature.ts";
import { MAX_PROGRAM_SIZE } from "../../ir/regex.ts";
import { accessLogProblems } from "./access-log.ts";
import { connectionManagerProblems } from "./connection-manager.ts";
import { filterProblems } from "./module-filters.ts";
import { runtimeFlagProblems } from "./runtime-flags.ts";

/** A key of Emissary's that changes nothing here. */
interface Inert {
  /** The value that says how things are anyway. */
  readonly harmless?: unknown;
  readonly message: string;
  readonly advice: string;
}

const remove = "remove it";

const inert = {
  admin_port: {
    message:
      "Envoy's administration interface is a socket in the run directory, on no port: whoever reaches it owns the gateway",
    advice: "remove it; metrics and probes are on the gateway's own port, 8877",
  },
  auth_enabled: { message: "an AuthService is what switches authorization on", advice: remove },
  debug_mode: {
    harmless: false,
    message: "the diagnostics page is the same with it",
    advice: "remove it; the gateway's own log has --log-level",
  },
  envoy_validation_timeout: {
    message: "what only Envoy can judge is judged before it is served, and no change waits for longer than that takes",
    advice: remove,
  },
  prune_unreachable_routes: {
    harmless: true,
    message: "routes that no request can reach are never sent to Envoy",
    advice: remove,
  },
  regex_type: { message: "regular expressions are always RE2", advice: remove },
  service_port: { message: "a Listener says on which port to listen", advice: "write it as spec.port of a Listener" },
  statsd: {
    message: "metrics are read from /metrics in the form of Prometheus, and sent to no statsd",
    advice: "remove it, and let a collector read /metrics on port 8877",
  },
  tls: {
    message: "Emissary has given it up, and it does nothing",
    advice: "write a Host with tlsSecret for clients, a TLSContext for upstreams",
  },
  use_proxy_proto: {
    harmless: false,
    message: "a Listener says whether it reads the PROXY protocol",
    advice: "write protocol: HTTPPROXY or HTTPSPROXY in the Listener",
  },
  x_forwarded_proto_redirect: {
    harmless: false,
    message: "a Listener says whether x-forwarded-proto decides, and a Host what happens to insecure requests",
    advice: "write securityModel: XFP in the Listener, and requestPolicy.insecure.action: Redirect in the Host",
  },
  xff_num_trusted_hops: {
    harmless: 0,
    message: "a Listener says how many proxies in front of it are believed",
    advice: "write it as l7Depth of the Listener",
  },
} as const satisfies Partial<Record<keyof ModuleConfig, Inert>>;

/** Keys that are read only to say what is so instead. */
export const inertFieldNames: readonly string[] = Object.keys(inert);

function inertProblems(config: ModuleConfig): readonly FieldProblem[] {
  return (Object.entries(inert) as [keyof typeof inert, Inert][]).flatMap(([key, { harmless, message, advice }]) =>
    config[key] === undefined || config[key] === harmless ? [] : [ignored([key], message, advice)],
  );
}

function regexSizeProblems({ regex_max_size: size }: ModuleConfig): readonly FieldProblem[] {
  if (size === undefined || size <= MAX_PROGRAM_SIZE) return [];
  const message = `${size} is over ${MAX_PROGRAM_SIZE}, which is the most that Envoy can be trusted with, and ${MAX_PROGRAM_SIZE} holds`;
  return [ignored(["regex_max_size"], message, `write ${MAX_PROGRAM_SIZE}, or leave it out`)];
}

/** What is wrong with the Module beside the defaults that it gives to Mappings. Paths are relative to its config. */
export function moduleProblems(config: ModuleConfig): readonly FieldProblem[] {
  return [
    ...inertProblems(config),
    ...regexSizeProblems(config),
    ...connectionManagerProblems(config),
    ...accessLogProblems(config),
    ...runtimeFlagProblems(config),
    ...filterProblems(config),
    ...errorOverridesOf(config.error_response_overrides ?? []).problems,
  ];
}
