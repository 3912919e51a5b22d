import type { TracingServiceResource } from "../../crds/resources.ts";
import type { TracingServiceSpec } from "../../crds/tracing-service.ts";
import { type FieldProblem, ignored, invalid } from "../../features/feature.ts";
import { formatObject, type Problem } from "../../ir/problem.ts";
import type { Tracing, TracingProvider } from "../../ir/telemetry.ts";
import type { Cluster } from "../../ir/types.ts";
import { onSpec } from "./on-spec.ts";
import { externalCluster } from "./external-service.ts";
import type { MappingContext } from "./mapping.ts";
import { rulingFirst } from "./ruling.ts";
import type { Contribution, ServiceKinds } from "./services.ts";
import { tagsOf } from "./span-tags.ts";

/** Fields of spec that are read. */
export const tracingServiceFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "driver",
  "service",
  "sampling",
  "custom_tags",
  "tag_headers",
  "config",
  "stats_name",
]);

type Config = NonNullable<TracingServiceSpec["config"]>;
type Driver = TracingProvider["kind"];

const DEFAULT_PATH = "/api/v2/spans";
const DEFAULT_NAME = "ambassador";

/** A name of DNS or an address, and a port. Envoy takes any other text too, and sends it. */
const HOST = /^([\w.-]{1,253}|\[[\da-f:.]{1,45}\])(:\d{1,5})?$/i;

/** Settings that a driver has; the others change nothing. */
const settingsOfDriver: Readonly<Record<Driver, readonly (keyof Config)[]>> = {
  zipkin: [
    "collector_endpoint",
    "collector_endpoint_version",
    "collector_hostname",
    "shared_span_context",
    "trace_id_128bit",
  ],
  datadog: ["collector_hostname", "service_name"],
  opentelemetry: ["collector_hostname", "service_name"],
};

function idleSettings(driver: Driver, config: Config): FieldProblem[] {
  return (Object.keys(config) as (keyof Config)[])
    .filter((key) => config[key] !== undefined && !settingsOfDriver[driver].includes(key))
    .map((key) => {
      if (key === "collector_cluster") return ignored(["config", key], "service names the collector", "leave it out");
      return ignored(["config", key], `without effect with driver: ${driver}`, "leave it out");
    });
}

function settingProblems(driver: Driver, config: Config): FieldProblem[] {
  const problems = idleSettings(driver, config);
  const { collector_endpoint: path, collector_endpoint_version: version, collector_hostname: host } = config;
  if (driver === "zipkin" && path !== undefined && !/^\/[!-~]*$/.test(path)) {
    const message = `${JSON.stringify(path)} is not a path`;
    problems.push(invalid(["config", "collector_endpoint"], message, `write one such as ${DEFAULT_PATH}`));
  }
  if (driver === "zipkin" && version === "HTTP_JSON_V1") {
    const advice = "write HTTP_JSON or HTTP_PROTO, with the path of Zipkin's second API";
    problems.push(
      invalid(["config", "collector_endpoint_version"], "Envoy does not write HTTP_JSON_V1 any more", advice),
    );
  }
  if (host !== undefined && !HOST.test(host)) {
    const message = `${JSON.stringify(host)} is not the name of a host`;
    problems.push(invalid(["config", "collector_hostname"], message, "write one such as zipkin.example.com"));
  }
  return problems;
}

function providerOf(
  driver: Driver,
  config: Config,
  called: Pick<TracingProvider, "cluster" | "authority">,
): TracingProvider {
  const at = { cluster: called.cluster, authority: config.collector_hostname ?? called.authority };
  if (driver !== "zipkin") return { ...at, kind: driver, serviceName: nonEmpty(config.service_name) ?? DEFAULT_NAME };
  return {
    ...at,
    kind: driver,
    path: config.collector_endpoint ?? DEFAULT_PATH,
    encoding: config.collector_endpoint_version === "HTTP_PROTO" ? "proto" : "json",
    traceId128Bit: config.trace_id_128bit ?? true,
    sharedSpanContext: config.shared_span_context ?? true,
  };
}

/** Envoy refuses an empty name. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

interface Built {
  readonly resource: TracingServiceResource;
  /** undefined: an error makes it unusable. */
  readonly usable: { readonly tracing: Tracing; readonly cluster: Cluster } | undefined;
  readonly problems: readonly Problem[];
}

function build(resource: TracingServiceResource, context: MappingContext): Built {
  const { spec } = resource;
  const { driver, service, stats_name, config = {}, sampling = {} } = spec;
  const tell = (found: readonly FieldProblem[]) => found.map((problem) => onSpec(resource, problem));
  if (driver === "lightstep") {
    const advice = "write driver: opentelemetry, with a collector that speaks OTLP by gRPC";
    return {
      resource,
      usable: undefined,
      problems: tell([invalid(["driver"], "Envoy has no lightstep any more", advice)]),
    };
  }
  const ofSettings = settingProblems(driver, config);
  const tags = tagsOf(spec);
  const called = externalCluster(
    {
      resource,
      field: "service",
      spec: {
        service,
        ...(driver === "opentelemetry" ? { grpc: true } : {}),
        ...(stats_name === undefined ? {} : { stats_name }),
      },
      tag: "tracing",
    },
    context,
  );
  const problems = [...called.problems, ...tell([...ofSettings, ...tags.problems])];
  const isUsable = !ofSettings.some(({ severity }) => severity === "error");
  const { cluster, authority } = called;
  if (cluster === undefined || !isUsable) return { resource, usable: undefined, problems };
  const provider = providerOf(driver, config, { cluster: cluster.name, authority });
  const { client, random, overall } = sampling;
  const tracing: Tracing = {
    provider,
    sampling: {
      ...(client === undefined ? {} : { client }),
      ...(random === undefined ? {} : { random }),
      ...(overall === undefined ? {} : { overall }),
    },
    tags: tags.value,
  };
  return { resource, usable: { tracing, cluster }, problems };
}

/** Envoy has one tracer: the oldest usable TracingService gets the spans. */
export function tracingServices({ tracingServices }: ServiceKinds, context: MappingContext): Contribution {
  const built = [...tracingServices].sort(rulingFirst).map((resource) => build(resource, context));
  const problems = built.flatMap((each) => each.problems);
  const [ruling, ...others] = built.filter(({ usable }) => usable !== undefined);
  if (ruling?.usable === undefined) return { problems };
  const { tracing, cluster } = ruling.usable;
  const conflicts = others.map(({ resource }) => conflict(resource, ruling.resource));
  return { tracing, clusters: [cluster], problems: [...problems, ...conflicts] };
}

function conflict(resource: TracingServiceResource, ruling: TracingServiceResource): Problem {
  return {
    code: "ServiceConflict",
    severity: "error",
    object: resource,
    path: ["spec"],
    message: `the older ${formatObject(ruling)} gets all spans, and there can be only one`,
    advice: "remove one of the two, or give it another ambassador_id",
  };
}
