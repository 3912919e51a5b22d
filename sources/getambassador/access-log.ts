import type { ModuleConfig } from "../../crds/module-config.ts";
import { asked, type FieldProblem, invalid } from "../../features/feature.ts";
import { commandProblems } from "../../features/header-value.ts";
import type { PathStep } from "../../ir/problem.ts";
import type { AccessLog, AccessLogFormat, JsonField, JsonFields } from "../../ir/types.ts";

export const accessLogFieldNames = [
  "envoy_log_format",
  "envoy_log_path",
  "envoy_log_type",
] as const satisfies readonly (keyof ModuleConfig)[];

/** Emissary's text format, which its users' log pipelines parse. */
const TEXT =
  'ACCESS [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"';

/** Emissary's fields for json and typed_json. */
const JSON_FIELDS: JsonFields = {
  start_time: "%START_TIME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  response_code: "%RESPONSE_CODE%",
  response_flags: "%RESPONSE_FLAGS%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
  user_agent: "%REQ(USER-AGENT)%",
  request_id: "%REQ(X-REQUEST-ID)%",
  authority: "%REQ(:AUTHORITY)%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_cluster: "%UPSTREAM_CLUSTER%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  istio_policy_status: "%DYNAMIC_METADATA(istio.mixer:status)%",
  upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
};

/** Fields that Datadog finds the trace of a line by. Source: Emissary `v3listener.py`. */
export const datadogFields: JsonFields = {
  "dd.trace_id": "%REQ(X-DATADOG-TRACE-ID)%",
  "dd.span_id": "%REQ(X-DATADOG-PARENT-ID)%",
};

/** Names of the gateway's own output, whether the process can open it by that name or not. */
const STANDARD_OUTPUT = new Set(["/dev/fd/1", "/dev/stdout", "/proc/self/fd/1", ""]);

interface Read {
  readonly format: AccessLogFormat;
  readonly problems: readonly FieldProblem[];
}

/** A format that cannot be used is replaced by the default one: a log that is written is better than none. */
function formatOf(
  { envoy_log_type: type = "text", envoy_log_format: written }: ModuleConfig,
  more: JsonFields = {},
): Read {
  const at = ["envoy_log_format"];
  if (type === "text") {
    const standard: AccessLogFormat = { kind: "text", text: TEXT };
    if (written === undefined) return { format: standard, problems: [] };
    if (typeof written !== "string") {
      const problem = invalid(at, "it is a map, and envoy_log_type is text", "write a string, or envoy_log_type: json");
      return { format: standard, problems: [problem] };
    }
    const problems = commandProblems(written, at);
    return { format: problems.some(isError) ? standard : { kind: "text", text: written }, problems };
  }
  // Envoy 1.40 keeps the types of values for both, whichever field says so.
  const standard: AccessLogFormat = { kind: "json", fields: { ...JSON_FIELDS, ...more } };
  if (written === undefined) return { format: standard, problems: [] };
  if (typeof written === "string") {
    const problem = invalid(at, `it is a string, and envoy_log_type is ${type}`, "write a map from field to format");
    return { format: standard, problems: [problem] };
  }
  const problems = fieldProblems(written, at);
  return { format: problems.some(isError) ? standard : { kind: "json", fields: written as JsonFields }, problems };
}

function isError({ severity }: FieldProblem): boolean {
  return severity === "error";
}

function fieldProblems(value: unknown, at: readonly PathStep[]): readonly FieldProblem[] {
  if (typeof value === "string") return commandProblems(value, at);
  if (typeof value !== "object" || value === null) return [];
  const entries: [PathStep, unknown][] = Array.isArray(value)
    ? value.map((each: JsonField, index): [PathStep, unknown] => [index, each])
    : Object.entries(value);
  return entries.flatMap(([key, each]) => fieldProblems(each, [...at, key]));
}

function pathProblems({ envoy_log_path: path }: ModuleConfig): readonly FieldProblem[] {
  if (path === undefined || STANDARD_OUTPUT.has(path)) return [];
  const at = ["envoy_log_path"];
  if (/^\/[^\0\r\n]*[^/\0\r\n]$/.test(path)) {
    const advice = "write the path of a file in a folder that is there and can be written";
    return [asked({ kind: "logFile", path }, at, `the file ${JSON.stringify(path)}`, advice)];
  }
  const message = `${JSON.stringify(path)} is not the absolute path of a file`;
  return [invalid(at, message, "write one such as /var/log/access.log, in a folder of the gateway's container")];
}

/** Where requests are logged, as the Module says. @param more fields of the standard JSON */
export function accessLogsOf(module: ModuleConfig, more?: JsonFields): readonly AccessLog[] {
  const { envoy_log_path: path = "" } = module;
  const isFile = !STANDARD_OUTPUT.has(path) && !pathProblems(module).some(isError);
  return [{ kind: "file", path: isFile ? path : undefined, format: formatOf(module, more).format }];
}

/** Paths are relative to the Module's config. */
export function accessLogProblems(module: ModuleConfig): readonly FieldProblem[] {
  return [...formatOf(module).problems, ...pathProblems(module)];
}
