import { asked, type FieldProblem, invalid, oneLineProblems } from "./feature.ts";
import type { PathStep } from "../ir/problem.ts";
import { quoted } from "../ir/sensitive.ts";

/**
 * Envoy's %COMMAND% operators: each that `envoy --mode validate` of the pinned release takes in a header value. One that
 * it does not take would make it refuse every route of the listener. Verified by test/requests/features-headers.test.ts.
 */
const withoutArguments = new Set(
  `ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS
  DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
  DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID
  DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION
  DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID
  DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
  DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS
  DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256
  DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL
  DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN
  DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID
  DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DURATION
  FILTER_CHAIN_NAME HOSTNAME LISTENER_NAME LOCAL_REPLY_BODY PROTOCOL REQUESTED_SERVER_NAME REQUEST_DURATION
  REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG
  RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME ROUTE_RESOLUTION_COUNT
  ROUTE_RESOLUTION_TIME_US SPAN_ID STREAM_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER
  UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_CONNECTION_POOL_READY_DURATION
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE
  UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS
  UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN
  UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT
  UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT
  UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID
  UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT
  VIRTUAL_CLUSTER_NAME`.split(/\s+/),
);

const withOrWithoutArguments = new Set(
  `DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT EMIT_TIME EMIT_TIME_LOCAL GRPC_STATUS GRPC_STATUS_NUMBER PATH QUERY_PARAMS
  RESPONSE_CODE_DETAILS START_TIME START_TIME_LOCAL UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_PEER_CERT_V_END
  UPSTREAM_PEER_CERT_V_START UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT`.split(/\s+/),
);

const withArguments = new Set(
  `CEL CLUSTER_METADATA COMMON_DURATION DYNAMIC_METADATA ENVIRONMENT FILTER_STATE METADATA PER_REQUEST_STATE QUERY_PARAM REQ
  REQUEST_HEADER RESP RESPONSE_HEADER RESPONSE_TRAILER STREAM_INFO_REQ TRAILER UPSTREAM_FILTER_STATE
  UPSTREAM_METADATA`.split(/\s+/),
);

/** Every operator and whether it takes, may take or refuses arguments; for the test that asks Envoy. */
export const headerCommands = { withoutArguments, withOrWithoutArguments, withArguments };

/** What Envoy's parser takes: substitution_formatter.cc, `%COMMAND%`, `%COMMAND(arguments)%`, `%COMMAND(arguments):length%`, `%%`. */
const PART = /%%|%([A-Z0-9_]+)(?:\((.*?)\))?(?::(\d+))?%|[^%]+/gy;

/** Arguments that Envoy takes whatever they say, with a length or without: names of headers. Of any other its own parser is asked. */
const headerCommand = /^(REQ|REQUEST_HEADER|RESP|RESPONSE_HEADER|RESPONSE_TRAILER|TRAILER)$/;
const headerArgument = /^:?[A-Za-z0-9_-]+(\?:?[A-Za-z0-9_-]+)?$/;
const MOST_DIGITS = 6;

/** What is wrong with a header's value, or nothing. */
export function headerValueProblems(value: string, path: readonly PathStep[]): FieldProblem[] {
  const problems = oneLineProblems(value, path);
  return problems.length > 0 ? problems : commandProblems(value, path, "header");
}

/**
 * What is wrong with the %COMMAND% operators of a text, or nothing.
 * @param place in a header Envoy takes fewer signs
 */
export function commandProblems(
  value: string,
  path: readonly PathStep[],
  place: "header" | "text" = "text",
): FieldProblem[] {
  if (!value.includes("%")) return [];
  let end = 0;
  let isPlain = true;
  for (const part of value.matchAll(PART)) {
    end += part[0].length;
    const [text, command, given, digits = ""] = part;
    if (command === undefined) continue;
    const wrong = commandProblem(command, given);
    if (wrong !== undefined) return [invalid(path, `${quoted(text, path)} in it ${wrong.what}`, wrong.advice)];
    const ofHeader = headerCommand.test(command) && digits.length <= MOST_DIGITS;
    isPlain &&= given === undefined && digits === "" ? true : ofHeader && headerArgument.test(given ?? "");
  }
  if (end === value.length) {
    if (isPlain) return [];
    const advice = "write its commands as Envoy's reference of command operators has them";
    return [asked({ kind: "format", text: value, in: place }, path, quoted(value, path), advice)];
  }
  const message = `${quoted(value, path)} has a % that starts no command of Envoy's`;
  return [invalid(path, message, "write %% for the sign itself, or a command such as %REQ(x-name)%")];
}

function commandProblem(command: string, given: string | undefined): { what: string; advice: string } | undefined {
  if (withArguments.has(command)) {
    if (given !== undefined && given !== "") return undefined;
    return { what: "lacks its argument", advice: `write %${command}(...)%` };
  }
  if (withOrWithoutArguments.has(command)) return undefined;
  if (!withoutArguments.has(command)) {
    return {
      what: "is not a command of Envoy's",
      advice: "look the command up in the reference, or write %% for each %",
    };
  }
  return given === undefined ? undefined : { what: "takes no argument", advice: `write %${command}%` };
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What is wrong with the name of a header that is added or removed, or nothing. */
export function headerNameProblems(name: string, path: readonly PathStep[]): FieldProblem[] {
  const shown = JSON.stringify(name);
  const lower = name.toLowerCase();
  if (lower === "host" || lower === ":authority") {
    return [
      invalid(path, `${shown} cannot be added or removed`, "use host_rewrite to set the host that the service sees"),
    ];
  }
  if (name.startsWith(":"))
    return [invalid(path, `${shown} is part of the request line and cannot be changed here`, "remove it")];
  if (TOKEN.test(name)) return [];
  return [
    invalid(
      path,
      `${shown} is not the name of a header`,
      "write letters, digits and hyphens, such as x-request-source",
    ),
  ];
}

/** What is wrong with the name of a header that is only read, or nothing; those with a colon are parts of the request line. */
export function readHeaderProblems(name: string, path: readonly PathStep[]): FieldProblem[] {
  if (TOKEN.test(name.replace(/^:/, ""))) return [];
  const message = name === "" ? "it is empty" : `${JSON.stringify(name)} is not the name of a header`;
  return [invalid(path, message, "write letters, digits and hyphens, such as x-request-source")];
}
