/** What differs from Emissary-ingress, field by field. A field that is not named here, nor inside of one that is, is the same. */

export type Verdict =
  /** More, or right where Emissary is not. */
  | "better"
  /** An error or a warning says so, at the field. */
  | "refused"
  /** Read, and told to change nothing, be it here alone or in Emissary too. */
  | "without effect"
  /** Not Emissary's. */
  | "ours";

export interface Difference {
  readonly verdict: Verdict;
  /** A sentence; it may use Markdown. */
  readonly how: string;
}

const better = (how: string): Difference => ({ verdict: "better", how });
const refused = (how: string): Difference => ({ verdict: "refused", how });
const inert = (how: string): Difference => ({ verdict: "without effect", how });
const ours = (how: string): Difference => ({ verdict: "ours", how });

const name = better("A Mapping's namespace comes first, then any other. In Emissary names are global.");
const dead = inert("Told by a warning. Emissary reads it and leaves it at that.");
const alpn = better(
  "A list, separated by commas. Emissary hands it to Envoy as one word. HTTP/2 is offered without it.",
);
const words = better("A word that Envoy does not know is told here; in Emissary it stops the whole configuration.");
const files = better("Read anew when they change, and checked as Secrets are.");
const version = better("`v3` where it is not set. Emissary's default is `v2`, with which the service is not used.");
const weights = better(
  "Over 100 in all, the older keep theirs and the younger is told. Emissary serves none of the group.",
);
const expressions = better("They must hold too. Emissary reads matchLabels alone.");
const regex = better("One that Envoy would refuse is told here; in Emissary it stops the whole configuration.");

/** By `Kind`, `Kind.field` or `Kind.field.inner`, with `[]` for the items of a list; the Module's keys are its fields. */
export const differences: Readonly<Record<string, Difference>> = {
  "Listener.hostBinding.selector.matchExpressions": expressions,
  "Host.mappingSelector.matchExpressions": expressions,
  "Host.selector.matchExpressions": expressions,

  "Listener.port": better("Of two Listeners on a port the older is opened. In Emissary it depends on their order."),
  "Listener.protocol": better(
    "With TLS in it, cleartext is not answered; `HTTPSPROXY` reads the PROXY header before TLS.",
  ),
  "Listener.protocolStack": better("With TLS in it, cleartext is not answered."),

  "Host.hostname": better(
    "Without regard to case, and whatever the port in the request. Of two Hosts with one name the older is served.",
  ),
  "Host.tlsSecret": better(
    "The certificate must parse and its key belong to it. It changes under open connections, by SDS.",
  ),
  "Host.tlsContext": better("The Host's namespace comes first, then any other. In Emissary names are global."),
  "Host.tls.alpn_protocols": alpn,
  "Host.tls.cipher_suites": words,
  "Host.tls.ecdh_curves": words,
  "Host.requestPolicy.insecure.additionalPort": inert("Not read, as in Emissary: open a Listener."),

  "Mapping.prefix": better(
    "Without a slash at its start it is refused, since no request would match. Regexes: see `prefix_regex`.",
  ),
  "Mapping.prefix_regex": regex,
  "Mapping.host_regex": regex,
  "Mapping.method_regex": regex,
  "Mapping.regex_headers": regex,
  "Mapping.regex_query_parameters": regex,
  "Mapping.hostname": better("Without regard to case, and whatever the port in the request."),
  "Mapping.service": better("Called at the Service's ClusterIP, without DNS; names that are no Service by DNS."),
  "Mapping.resolver": better("EndpointSlices are read, not Endpoints. Endpoints that terminate finish their requests."),
  "Mapping.tls": name,
  "Mapping.weight": weights,
  "Mapping.path_redirect": better("Without `host_redirect: true` it is told to be without effect."),
  "Mapping.prefix_redirect": better("Without `host_redirect: true` it is told to be without effect."),
  "Mapping.regex_redirect": better("Without `host_redirect: true` it is told to be without effect."),
  "Mapping.use_websocket": better("`false` is false. In Emissary the field alone switches WebSockets on."),
  "Mapping.keepalive.idle_time": better("It works. Emissary reads another name, and so never sees it."),
  "Mapping.auto_host_rewrite": better("The Service's name, also where it is called at its address."),
  "Mapping.connect_timeout_ms": better(
    "Each Mapping's own, in a canary group too, where Emissary refuses what differs.",
  ),
  "Mapping.circuit_breakers": better("Each Mapping's own, in a canary group too, where Emissary refuses what differs."),
  "Mapping.timeout_ms": better("Each Mapping's own, in a canary group too."),
  "Mapping.stats_name": better("Without it clusters are `host_port` in statistics, and `cluster_...` in Emissary."),
  "Mapping.outlier_detection": better("It works. Emissary says that it is not supported."),
  "Mapping.error_response_overrides": better("It works. Emissary 4 refuses it."),
  "Mapping.error_response_overrides[].body.text_format_source": refused(
    "A file that is not there would make Envoy refuse every route of the host.",
  ),
  "Mapping.bypass_error_response_overrides": better("It works. Emissary 4 refuses it."),
  "Mapping.docs": inert("Kept for tools, as in Emissary."),
  "Mapping.modules": dead,
  "Mapping.envoy_override": dead,

  "TCPMapping.host": better(
    "The nearest certificate is used: the same name, then the longest wildcard. Emissary takes `*`.",
  ),
  "TCPMapping.tls_passthrough": ours("TLS goes through by name, and ends at the service."),
  "TCPMapping.weight": better(
    "Weights are what they say, and in proportion when they sum to less than 100. Emissary makes 50 and 100 of 50 and 50.",
  ),
  "TCPMapping.idle_timeout_ms": better("It works, as a number too. Emissary does not hand it on."),
  "TCPMapping.stats_name": better("It works. Emissary drops it."),
  "TCPMapping.tls": name,

  "TLSContext.cert_chain_file": files,
  "TLSContext.private_key_file": files,
  "TLSContext.cacert_chain_file": files,
  "TLSContext.alpn_protocols": alpn,
  "TLSContext.cipher_suites": words,
  "TLSContext.ecdh_curves": words,
  "TLSContext.secret_namespacing": better("It holds whether or not there is a Module."),
  "TLSContext.redirect_cleartext_from": inert("As in Emissary: open a Listener, whose Hosts redirect."),

  "AuthService.auth_service": better(
    "Services that differ in nothing else share the requests; of others the oldest is asked.",
  ),
  "AuthService.protocol_version": version,
  "AuthService.path_prefix": better("Without a slash at its start it is refused: Envoy does not take it."),
  "AuthService.add_linkerd_headers": better("With `proto: grpc` too, where Emissary writes an empty name."),
  "RateLimitService.service": better("Of several the oldest counts. Emissary then uses none."),
  "RateLimitService.protocol_version": version,
  "RateLimitService.grpc": better("It works. Emissary reads another name, and so never sees it."),

  DevPortal: inert("Kept, and told to be shown nowhere; Emissary, without Edge Stack, shows it nowhere either."),

  "Module.diagnostics.enabled": better("`false` by default, so that nobody sees every route who was not to."),
  "Module.enable_grpc_web": better("`false` is false. In Emissary the key alone switches it on."),
  "Module.enable_grpc_http11_bridge": better("`false` is false. In Emissary the key alone switches it on."),
  "Module.error_response_overrides": better("It works. Emissary 4 refuses it."),
  "Module.request_headers_timeout_ms": ours("See [overload](overload.md#slow-clients)."),
  "Module.request_timeout_ms": ours("See [overload](overload.md#slow-clients)."),
  "Module.header_case_overrides": better(
    "All names in Proper-Case, or all as their sender wrote them: Envoy has no list of names.",
  ),
  "Module.envoy_log_type": better("`json` keeps the types of values, as `typed_json` does."),
  "Module.regex_max_size": better("1000 by default and at most, where Emissary has 200."),
  "Module.ip_allow": better("A range that cannot be read lets in nobody; those beside it hold."),
  "Module.ip_deny": better("A range that cannot be read keeps out nobody; those beside it hold."),
  "Module.lua_scripts": better(
    "A script that Envoy refuses is told before it is served, the last good Module stays, and other objects change.",
  ),
  "Module.buffer.max_request_time": inert("As in Emissary."),
};
