import type { LogServiceSpec } from "../../crds/log-service.ts";
import type { LogServiceResource } from "../../crds/resources.ts";
import { type FieldProblem, ignored, invalid } from "../../features/feature.ts";
import { readHeaderProblems } from "../../features/header-value.ts";
import type { GrpcAccessLog } from "../../ir/telemetry.ts";
import { onSpec } from "./on-spec.ts";
import { externalCluster } from "./external-service.ts";
import type { MappingContext } from "./mapping.ts";
import type { Contribution, ServiceKinds } from "./services.ts";

/** Fields of spec that are read. */
export const logServiceFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "service",
  "driver",
  "driver_config",
  "flush_interval_time",
  "flush_interval_byte_size",
  "grpc",
  "protocol_version",
  "stats_name",
]);

/** Source: Emissary `irlogservice.py`; Envoy's own too. */
const DEFAULT_FLUSH_S = 1;
const DEFAULT_FLUSH_BYTES = 16_384;

type LoggedHeaders = Pick<GrpcAccessLog, "requestHeaders" | "responseHeaders" | "responseTrailers">;

/** A name that is none is left out: a log without it is better than no log. */
function headersOf({ driver, driver_config: config }: LogServiceSpec, problems: FieldProblem[]): LoggedHeaders {
  const written = config?.additional_log_headers ?? [];
  const at = ["driver_config", "additional_log_headers"];
  if (driver === "tcp" && written.length > 0) {
    const message = "entries of driver: tcp have no headers";
    problems.push(ignored(at, message, "write driver: http, or leave it out"));
  }
  const named = written.filter(({ header_name: name }, index) => {
    const wrong = readHeaderProblems(name, [...at, index, "header_name"]);
    problems.push(...wrong);
    return wrong.length === 0 && driver === "http";
  });
  const during = (when: "during_request" | "during_response" | "during_trailer") => [
    ...new Set(named.filter((header) => header[when] ?? true).map(({ header_name: name }) => name.toLowerCase())),
  ];
  return {
    requestHeaders: during("during_request"),
    responseHeaders: during("during_response"),
    responseTrailers: during("during_trailer"),
  };
}

function protocolProblems({ grpc, protocol_version: version }: LogServiceSpec): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (grpc === false) problems.push(ignored(["grpc"], "entries go by gRPC, whatever it says", "leave it out"));
  if (version === "v2") {
    const advice = "write v3, and a service that speaks envoy.service.accesslog.v3";
    problems.push(invalid(["protocol_version"], "v2 is spoken by no Envoy any more", advice));
  }
  return problems;
}

function missing({ service, driver }: LogServiceSpec): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (service === undefined || service === "") {
    const advice = "write where the service is: name.namespace:port";
    problems.push(invalid(["service"], "is required and missing, so that nothing is logged", advice));
  }
  if (driver === undefined) {
    const advice = "write http for an entry for each request, or tcp for one for each connection";
    problems.push(invalid(["driver"], "is required and missing, so that nothing is logged", advice));
  }
  return problems;
}

function contributionOf(resource: LogServiceResource, context: MappingContext): Contribution {
  const { spec } = resource;
  const { service = "", driver, stats_name } = spec;
  const found = [...missing(spec), ...protocolProblems(spec)];
  const isUsable = !found.some(({ severity }) => severity === "error");
  const headers = headersOf(spec, found);
  const own = found.map((problem) => onSpec(resource, problem));
  if (!isUsable || driver === undefined) return { problems: own };
  const { cluster, authority, problems } = externalCluster(
    {
      resource,
      field: "service",
      spec: { service, grpc: true, ...(stats_name === undefined ? {} : { stats_name }) },
      tag: "logging",
    },
    context,
  );
  if (cluster === undefined) return { problems: [...problems, ...own] };
  const log: GrpcAccessLog = {
    kind: "grpc",
    entries: driver,
    logName: resource.name,
    cluster: cluster.name,
    authority,
    flushIntervalMs: (spec.flush_interval_time ?? DEFAULT_FLUSH_S) * 1000,
    flushBytes: spec.flush_interval_byte_size ?? DEFAULT_FLUSH_BYTES,
    ...headers,
  };
  return { logs: [log], clusters: [cluster], problems: [...problems, ...own] };
}

/** Each LogService gets its own entries. They stand in the order of their names, whatever their age. */
export function logServices({ logServices }: ServiceKinds, context: MappingContext): Contribution {
  const parts = logServices.map((resource) => contributionOf(resource, context));
  return {
    logs: parts.flatMap(({ logs = [] }) => logs),
    clusters: parts.flatMap(({ clusters = [] }) => clusters),
    problems: parts.flatMap(({ problems = [] }) => problems),
  };
}
