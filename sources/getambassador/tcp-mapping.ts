import type { Defaults } from "../../features/defaults.ts";
import type { TCPMappingSpec } from "../../crds/tcp-mapping.ts";
import { ignored, invalid } from "../../features/feature.ts";
import type { FieldProblem } from "../../features/feature.ts";
import { circuitBreakers } from "../../features/circuit-breakers.ts";
import { connection } from "../../features/connection.ts";
import { dns } from "../../features/dns.ts";
import { LONGEST_MS } from "../../features/fields.ts";
import { keepalive } from "../../features/keepalive.ts";
import { statsName } from "../../features/stats-name.ts";
import { memoForever } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { hasError, type Resource } from "../../ir/resource.ts";
import type { Cluster, FeatureSettings, Source } from "../../ir/types.ts";
import { onSpec } from "./on-spec.ts";
import { clusterOf } from "./cluster.ts";
import type { MappingContext } from "./mapping.ts";
import { isIpv4, isIpv6 } from "./service-name.ts";
import { type Target, targetOf } from "./target.ts";

/** A TCPMapping on its own: everything but its group's weights, its Listener and its certificate. */
export interface BuiltTcpMapping {
  readonly resource: Resource<TCPMappingSpec>;
  readonly port: number;
  /** In one spelling; undefined: where the gateway listens unless told otherwise. */
  readonly address: string | undefined;
  /** SNI name, lower case: whole, `*.name` or `*`. undefined: connections are taken whatever they are. */
  readonly host: string | undefined;
  readonly passesTls: boolean;
  readonly idleTimeoutMs: number | undefined;
  readonly cluster: Cluster | undefined;
  readonly source: Source;
  readonly problems: readonly Problem[];
  /** false: an error makes it unused. */
  readonly usable: boolean;
}

/** Fields of TCPMapping.spec that are read here and in its group. */
export const tcpMappingFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "port",
  "host",
  "address",
  "service",
  "resolver",
  "tls",
  "tls_passthrough",
  "weight",
  "idle_timeout_ms",
  "circuit_breakers",
  "cluster_tag",
  "stats_name",
  "enable_ipv4",
  "enable_ipv6",
  // How v2 wrote the others.
  "v2ExplicitTLS",
]);

/** What shapes a cluster that is not spoken to by HTTP. */
const features = [connection, circuitBreakers, keepalive, dns, statsName] as const;

export function buildTcpMapping(resource: Resource<TCPMappingSpec>, context: MappingContext): BuiltTcpMapping {
  const { spec } = resource;
  const found: FieldProblem[] = [];
  const address = addressOf(spec, found);
  const host = hostOf(spec, found);
  const idleTimeoutMs = idleTimeoutOf(spec, found);
  const passesTls = passesTlsOf(spec, host, found);
  const cluster = clusterFor(resource, context, found);
  const problems = found.map((problem) => onSpec(resource, problem));
  return {
    resource,
    port: spec.port,
    address,
    host,
    passesTls,
    idleTimeoutMs,
    cluster,
    source: { object: resource, path: ["spec"] },
    problems,
    usable: !hasError({ problems }) && !hasError(resource),
  };
}

/** Addresses that mean the same are the same text: Envoy refuses two listeners of one address. */
export function canonicalAddress(text: string): string | undefined {
  const address = text.replace(/^\[(.*)\]$/, "$1");
  if (isIpv4(address)) return address.split(".").map(Number).join(".");
  return isIpv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : undefined;
}

function addressOf({ address }: TCPMappingSpec, found: FieldProblem[]): string | undefined {
  if (address === undefined || address === "") return undefined;
  const canonical = canonicalAddress(address);
  if (canonical === undefined) {
    const message = `${JSON.stringify(address)} is not an IP address`;
    found.push(invalid(["address"], message, "write an address of the gateway, such as 0.0.0.0, or leave it out"));
  }
  return canonical;
}

const NAME = /^(\*|(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*)$/;

function hostOf({ host }: TCPMappingSpec, found: FieldProblem[]): string | undefined {
  if (host === undefined || host === "") return undefined;
  const name = host.toLowerCase();
  if (NAME.test(name)) return name;
  const message = `${JSON.stringify(host)} is not a name that clients can ask for by SNI`;
  found.push(invalid(["host"], message, 'write a host name without a port, "*.name", or "*" for all'));
  return undefined;
}

function idleTimeoutOf({ idle_timeout_ms: written }: TCPMappingSpec, found: FieldProblem[]): number | undefined {
  if (written === undefined || written === "") return undefined;
  const isWhole = typeof written === "number" || /^\d+$/.test(written);
  const ms = Number(written);
  if (isWhole && ms >= 0 && ms <= LONGEST_MS) return ms;
  const message = `${JSON.stringify(written)} is not a whole number of milliseconds`;
  found.push(invalid(["idle_timeout_ms"], message, 'write a number of milliseconds, for example "30000"'));
  return undefined;
}

function passesTlsOf(spec: TCPMappingSpec, host: string | undefined, found: FieldProblem[]): boolean {
  if (spec.tls_passthrough !== true) return false;
  const at = ["tls_passthrough"];
  if (host === undefined) {
    if (spec.host === undefined || spec.host === "")
      found.push(ignored(at, "without host every connection goes through as it came, TLS too", "remove it"));
    return false;
  }
  const encrypts = spec.tls !== undefined && spec.tls !== "" ? "tls" : /^https:/i.test(spec.service) ? "https://" : "";
  if (encrypts !== "") {
    const message = `the client's TLS goes through, and ${encrypts} would encrypt it a second time`;
    found.push(invalid(at, message, `remove tls_passthrough, or ${encrypts}`));
  }
  return true;
}

/** Without what the Module says of Mappings alone. */
const tcpDefaults = memoForever(
  (defaults: Defaults): Defaults =>
    defaults.defaults?.httpmapping === undefined
      ? defaults
      : { ...defaults, defaults: { ...defaults.defaults, httpmapping: undefined } },
);

function clusterFor(
  { spec, namespace }: Resource<TCPMappingSpec>,
  context: MappingContext,
  found: FieldProblem[],
): Cluster | undefined {
  const { lookup } = context;
  const defaults = tcpDefaults(context.defaults);
  const { service, resolver, tls } = spec;
  const target = targetOf({ spec: { service, resolver, tls }, namespace, defaults, lookup });
  found.push(...target.problems);
  const settings = settingsOf(spec, defaults, target.value, found);
  return target.value === undefined
    ? undefined
    : clusterOf({ ...target.value, features: settings, tag: spec.cluster_tag });
}

function settingsOf(
  spec: TCPMappingSpec,
  defaults: Defaults,
  target: Target | undefined,
  found: FieldProblem[],
): FeatureSettings {
  const settings: Record<string, unknown> = {};
  for (const feature of features) {
    const { value, problems } = feature.fromMapping(spec, { defaults, upstream: target?.upstream });
    if (value !== undefined) settings[feature.name] = value;
    // What is wrong with a default of the Module is told there.
    found.push(...problems.filter(({ path: [field] }) => field === undefined || Object.hasOwn(spec, field)));
  }
  return settings;
}
