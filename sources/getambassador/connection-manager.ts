import type { ModuleConfig } from "../../crds/module-config.ts";
import { type FieldProblem, ignored } from "../../features/feature.ts";
import { headerCaseOf } from "../../features/header-case.ts";
import { headerNameProblems } from "../../features/header-value.ts";
import { memoForever } from "../../ir/memo.ts";
import type { ConnectionManager } from "../../ir/types.ts";
import { accessLogsOf } from "./access-log.ts";

/** The Module's keys that are read here. */
export const connectionManagerFieldNames = [
  "allow_chunked_length",
  "buffer_limit_bytes",
  "enable_http10",
  "forward_client_cert_details",
  "header_case_overrides",
  "headers_with_underscores_action",
  "listener_idle_timeout_ms",
  "max_request_headers_kb",
  "merge_slashes",
  "preserve_external_request_id",
  "proper_case",
  "reject_requests_with_escaped_slashes",
  "request_headers_timeout_ms",
  "request_timeout_ms",
  "server_name",
  "set_current_client_cert_details",
  "strip_matching_host_port",
  "suppress_envoy_headers",
  "use_remote_address",
] as const satisfies readonly (keyof ModuleConfig)[];

/** Emissary has none, and so each slow client a stream for five minutes. Long enough for 60 KiB on the worst of networks. */
const usualRequestHeadersTimeoutMs = 30_000;

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** Without the keys that have no value. */
function defined<T extends object>(object: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<Defined<T>>;
}

/** The same object for the same Module. */
export const connectionManagerOf = memoForever(
  (module: ModuleConfig): ConnectionManager => ({
    serverName: module.server_name ?? "envoy",
    useRemoteAddress: module.use_remote_address ?? true,
    accessLogs: accessLogsOf(module),
    requestHeadersTimeoutMs: module.request_headers_timeout_ms ?? usualRequestHeadersTimeoutMs,
    ...defined({
      allowChunkedLength: module.allow_chunked_length,
      acceptHttp10: module.enable_http10,
      headerCase: module.proper_case === true ? ("proper" as const) : headerCaseOf(module.header_case_overrides),
      forwardClientCertificate: module.forward_client_cert_details,
      clientCertificateDetails: module.set_current_client_cert_details,
      headersWithUnderscores: module.headers_with_underscores_action,
      idleTimeoutMs: module.listener_idle_timeout_ms,
      maxRequestHeadersKb: module.max_request_headers_kb,
      mergeSlashes: module.merge_slashes,
      preserveExternalRequestId: module.preserve_external_request_id,
      requestTimeoutMs: module.request_timeout_ms,
      rejectEscapedSlashes: module.reject_requests_with_escaped_slashes,
      stripMatchingHostPort: module.strip_matching_host_port,
      suppressEnvoyHeaders: module.suppress_envoy_headers,
    }),
  }),
);

/** Paths are relative to the Module's config. */
export function connectionManagerProblems(module: ModuleConfig): readonly FieldProblem[] {
  return [...headerCaseProblems(module), ...clientCertificateProblems(module)];
}

function headerCaseProblems({ header_case_overrides: names = [], proper_case: proper }: ModuleConfig): FieldProblem[] {
  const at = ["header_case_overrides"];
  const wrong = names.flatMap((name, index) => headerNameProblems(name, [...at, index]));
  if (wrong.length > 0 || names.length === 0) return wrong;
  if (proper === true)
    return [
      ignored(at, "proper_case and header_case_overrides are both set; proper_case is used", "leave one of them out"),
    ];
  return headerCaseOf(names) === "proper"
    ? [
        ignored(
          at,
          "Envoy has no list of names: as these are all in Proper-Case, every name is written so",
          "nothing, if that does no harm; or leave it out, names of headers have no case",
        ),
      ]
    : [
        ignored(
          at,
          "Envoy has no list of names: every name keeps the case in which its sender wrote it",
          "let senders write these names so; or leave it out, names of headers have no case",
        ),
      ];
}

function clientCertificateProblems(module: ModuleConfig): FieldProblem[] {
  const { set_current_client_cert_details: details, forward_client_cert_details: forward = "SANITIZE" } = module;
  if (details === undefined || forward === "APPEND_FORWARD" || forward === "SANITIZE_SET") return [];
  const message = `with forward_client_cert_details: ${forward} nothing is told of the certificate`;
  return [
    ignored(
      ["set_current_client_cert_details"],
      message,
      "write forward_client_cert_details: SANITIZE_SET, or APPEND_FORWARD",
    ),
  ];
}
