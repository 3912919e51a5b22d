/** `spec.config` of the Module named ambassador: free-form in the CRD, typed here. Unknown keys are kept, with a warning. */
import { z } from "zod";
import { circuitBreakersFields } from "../features/circuit-breakers.ts";
import { connectionFields } from "../features/connection.ts";
import { corsFields } from "../features/cors.ts";
import { errorOverridesFields } from "../features/error-overrides.ts";
import { choice, count, flag, freeForm, integer, milliseconds, text, texts } from "../features/fields.ts";
import { keepaliveFields } from "../features/keepalive.ts";
import { labelSpecifier } from "../features/labels.ts";
import { loadBalancerFields } from "../features/load-balancer.ts";
import { retryPolicyFields } from "../features/retry-policy.ts";
import { bufferFields } from "../filters/buffer.ts";
import { grpcHttp1BridgeFields } from "../filters/grpc-http1-bridge.ts";
import { grpcStatsFields } from "../filters/grpc-stats.ts";
import { grpcWebFields } from "../filters/grpc-web.ts";
import { gzipFields } from "../filters/gzip.ts";
import { ipRulesFields } from "../filters/ip-rules.ts";
import { luaFields } from "../filters/lua.ts";

const port = { min: 1, max: 65_535 };

/** Modules are converted between versions by nobody, so v2's forms live on in them: "a, b" for a list, a bare header value. */
function textsOrCommas(description: string) {
  return z
    .union([
      z.array(z.string()),
      z.string().transform((list) =>
        list
          .split(",")
          .map((item) => item.trim())
          .filter((item) => item !== ""),
      ),
    ])
    .optional()
    .describe(description);
}

function addedHeadersOrValues(description: string) {
  const header = z.object({ value: text("Value of the header."), append: flag("Keeps a value already there.") });
  return z
    .record(z.string(), z.union([header, z.string().transform((value): z.output<typeof header> => ({ value }))]))
    .optional()
    .describe(description);
}

const mappingDefaults = {
  add_request_headers: addedHeadersOrValues("Headers added to requests of Mappings that name none themselves."),
  add_response_headers: addedHeadersOrValues("Headers added to responses of Mappings that name none themselves."),
  remove_request_headers: textsOrCommas("Headers removed from requests of Mappings that name none themselves."),
  remove_response_headers: textsOrCommas("Headers removed from responses of Mappings that name none themselves."),
  stats_name: text("Name in statistics of upstreams without a name of their own."),
};

const probe = {
  enabled: flag("Whether it is served. Default: true."),
  prefix: text("Path under which it is served."),
  rewrite: text("Path that it is asked for under."),
  service: text("Where it is served from. Default: the gateway itself."),
};

const connectionManager = {
  allow_chunked_length: flag("Accepts a request with both Transfer-Encoding and Content-Length. Default: false."),
  enable_http10: flag("Accepts HTTP/1.0 requests. Default: false."),
  forward_client_cert_details: choice(
    ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"],
    "What becomes of the x-forwarded-client-cert header. Default: SANITIZE.",
  ),
  set_current_client_cert_details: z
    .object({
      subject: flag("Tells the certificate's subject."),
      cert: flag("Tells the certificate."),
      chain: flag("Tells the certificate chain."),
      dns: flag("Tells the certificate's DNS names."),
      uri: flag("Tells the certificate's URI name."),
    })
    .optional()
    .describe("What x-forwarded-client-cert tells of the client's certificate."),
  header_case_overrides: texts(
    "Header names whose case matters. All names are in Proper-Case if these are, otherwise as their sender wrote them.",
  ),
  proper_case: flag("Writes header names of responses as Proper-Case. Default: false."),
  headers_with_underscores_action: choice(
    ["ALLOW", "REJECT_REQUEST", "DROP_HEADER"],
    "What becomes of request headers whose name has an underscore. Default: ALLOW.",
  ),
  listener_idle_timeout_ms: milliseconds("Milliseconds after which an unused client connection is closed."),
  request_headers_timeout_ms: milliseconds(
    "Milliseconds in which a client must have sent the headers of a request, from its first byte on. Default: 30000; 0: any time.",
  ),
  request_timeout_ms: milliseconds(
    "Milliseconds in which a client must have sent a whole request. Not for gateways with WebSockets or streams of clients, which it ends. Default: 0, any time.",
  ),
  max_request_headers_kb: integer("Kibibytes of request headers at most. Default: 60.", { min: 1, max: 8192 }),
  merge_slashes: flag("Takes several slashes in a row as one when routes are matched. Default: false."),
  preserve_external_request_id: flag("Keeps a client's x-request-id. Default: false."),
  reject_requests_with_escaped_slashes: flag("Answers 400 to paths with %2F or %5C. Default: false."),
  server_name: text("Server header of responses. Default: envoy."),
  strip_matching_host_port: flag("Matches hosts without the listener's port. Default: false."),
  suppress_envoy_headers: flag("Leaves the x-envoy-* headers out. Default: false."),
  use_remote_address: flag("Takes the connection's address as the client's. Default: true."),
  use_proxy_proto: flag("Without effect: PROXY belongs in the Listener's protocolStack."),
  x_forwarded_proto_redirect: flag("Without effect: it is the Listener's securityModel."),
  xff_num_trusted_hops: count("Without effect: it is the Listener's l7Depth."),
  buffer_limit_bytes: count("Bytes that a connection may buffer. Default: 1048576."),
};

const httpFilters = {
  ...bufferFields,
  ...grpcHttp1BridgeFields,
  ...grpcWebFields,
  ...grpcStatsFields,
  ...gzipFields,
  ...ipRulesFields,
  ...luaFields,
};

const unsetOrRemoved = {
  auth_enabled: flag("Without effect."),
  prune_unreachable_routes: flag("Without effect: unreachable routes are never sent."),
  regex_type: text("Without effect."),
  service_port: integer("Without effect: the Listener has the port.", port),
  statsd: z.unknown().optional().describe("Without effect."),
  tls: z.unknown().optional().describe("Without effect: use Host and TLSContext."),
};

export const moduleConfigSchema = z.looseObject({
  ...connectionManager,
  ...httpFilters,
  ...unsetOrRemoved,
  ...circuitBreakersFields,
  ...retryPolicyFields,
  ...loadBalancerFields,
  cors: corsFields.cors
    .unwrap()
    .extend({
      origins: textsOrCommas("Origins allowed to read responses."),
      methods: textsOrCommas("Methods allowed in preflight answers."),
      headers: textsOrCommas("Request headers allowed in preflight answers."),
      exposed_headers: textsOrCommas("Response headers that scripts may read."),
    })
    .optional()
    .describe("Cross-origin resource sharing of Mappings without cors."),
  keepalive: keepaliveFields.keepalive
    .unwrap()
    .extend({ time: count("Seconds without data before the first probe; the same as idle_time.") })
    .optional()
    .describe("TCP keepalive of connections to upstreams."),
  error_response_overrides: errorOverridesFields.error_response_overrides,
  add_linkerd_headers: flag("Adds l5d-dst-override to requests of Mappings that do not say. Default: false."),
  admin_port: integer("Without effect: Envoy's administration interface is a socket.", port),
  cluster_idle_timeout_ms: connectionFields.cluster_idle_timeout_ms,
  cluster_max_connection_lifetime_ms: connectionFields.cluster_max_connection_lifetime_ms,
  cluster_request_timeout_ms: milliseconds("Milliseconds of timeout_ms where a Mapping has none. Default: 3000."),
  debug_mode: flag("Without effect. Default: false."),
  default_label_domain: text("Rate limit domain. Default: ambassador."),
  default_labels: z
    .record(z.string(), z.object({ defaults: z.array(labelSpecifier).optional() }))
    .optional()
    .describe("By domain, labels put before those of every group of a Mapping."),
  defaults: z
    .looseObject({
      ...mappingDefaults,
      httpmapping: z.looseObject(mappingDefaults).optional().describe("For Mappings; wins over its parent."),
      tls_secret_namespacing: flag("secret_namespacing of TLSContexts that do not say. Default: true."),
    })
    .optional()
    .describe("Defaults of other kinds."),
  diagnostics: z
    .object({
      ...probe,
      enabled: flag("Shows it to everybody, through the Listeners too. Default: false."),
      allow_non_local: flag("Shows it on the gateway's own port (8877) to whoever reaches that. Default: false."),
    })
    .optional()
    .describe("The diagnostics page under /ambassador/v0/diag/."),
  liveness_probe: z.object(probe).optional().describe("The liveness check under /ambassador/v0/check_alive."),
  readiness_probe: z.object(probe).optional().describe("The readiness check under /ambassador/v0/check_ready."),
  enable_ipv4: flag("Uses IPv4 addresses of upstreams. Default: true."),
  enable_ipv6: flag("Uses IPv6 addresses of upstreams. Default: false."),
  envoy_log_format: z
    .union([z.string(), freeForm("Format by field, for json and typed_json.")])
    .optional()
    .describe("Format of the access log: a string for text, a map for json and typed_json."),
  envoy_log_path: text("File of the access log. Default: /dev/fd/1."),
  envoy_log_type: choice(["text", "json", "typed_json"], "Kind of the access log. Default: text."),
  envoy_validation_timeout: integer("Without effect: what only Envoy can judge is judged when it is new.", { min: 0 }),
  regex_max_size: count("Instructions of a regular expression at most, up to 1000. Default: 1000.", 1),
  resolver: text("Resolver of Mappings that name none. Default: kubernetes-service."),
  runtime_flags: freeForm("Keys of Envoy's runtime, changed while it runs: the four that Emissary has.").optional(),
  use_ambassador_namespace_for_service_resolution: flag(
    "Looks services without a namespace up in the gateway's namespace, not the Mapping's. Default: false.",
  ),
});

/** Known keys are typed, others are kept as they are. */
export type ModuleConfig = z.output<typeof moduleConfigSchema>;
