import { z } from "zod";
import { authFields } from "../features/auth.ts";
import { circuitBreakersFields } from "../features/circuit-breakers.ts";
import { clusterTagFields } from "../features/cluster-tag.ts";
import { connectionFields } from "../features/connection.ts";
import { corsFields } from "../features/cors.ts";
import { dnsFields } from "../features/dns.ts";
import { errorOverridesFields } from "../features/error-overrides.ts";
import { flag, freeForm, integer, milliseconds, regexSubstitution, text, textMap, texts } from "../features/fields.ts";
import { grpcFields } from "../features/grpc.ts";
import { headersFields } from "../features/headers.ts";
import { healthChecksFields } from "../features/health-checks.ts";
import { hostRewriteFields } from "../features/host-rewrite.ts";
import { keepaliveFields } from "../features/keepalive.ts";
import { labelsFields } from "../features/labels.ts";
import { loadBalancerFields } from "../features/load-balancer.ts";
import { outlierDetectionFields } from "../features/outlier-detection.ts";
import { priorityFields } from "../features/priority.ts";
import { retryPolicyFields } from "../features/retry-policy.ts";
import { rewriteFields } from "../features/rewrite.ts";
import { shadowFields } from "../features/shadow.ts";
import { statsNameFields } from "../features/stats-name.ts";
import { timeoutsFields } from "../features/timeouts.ts";
import { upgradesFields } from "../features/upgrades.ts";
import { ambassadorId, v2ExplicitTLS } from "./common.ts";

const matching = {
  prefix: z.string().meta({
    description:
      "Start of the path of the requests that are routed; the whole path with prefix_exact, a regular expression for the whole path with prefix_regex.",
    examples: ["/api/"],
  }),
  prefix_regex: flag(
    "Whether prefix is a regular expression (RE2) that the whole path must match; wins over prefix_exact. Default: false.",
  ),
  prefix_exact: flag("Whether prefix is the whole path. Default: false."),
  case_sensitive: flag("Whether the case of the path matters. Default: true."),
  hostname: text(
    "Hosts of the requests that are routed: a name, or a pattern with * as its first or last sign. Default: that of the Hosts that select the Mapping by label.",
  ),
  host: text("Deprecated, use hostname: the exact host, or a regular expression with host_regex."),
  host_regex: flag("Deprecated: whether host is a regular expression (RE2). Default: false."),
  method: text("HTTP method of the requests that are routed. Default: any."),
  method_regex: flag("Whether method is a regular expression (RE2). Default: false."),
  headers: textMap("Request headers that must be there with exactly these values."),
  regex_headers: textMap("Request headers whose values must match these regular expressions (RE2)."),
  query_parameters: textMap("Query parameters that must be there with exactly these values."),
  regex_query_parameters: textMap("Query parameters whose values must match these regular expressions (RE2)."),
  precedence: integer(
    "Orders Mappings before all else, even the length of prefix: the higher is matched first. Default: 0.",
  ),
};

const target = {
  service: z.string().meta({
    description:
      "Where requests go: [scheme://]name[.namespace][:port]. With https:// they go by TLS. The port is 80, with TLS 443, unless written.",
    examples: ["quote.default:8080"],
  }),
  resolver: text(
    "Name of the resolver that finds the service. Default: the Module's resolver, else kubernetes-service.",
  ),
  tls: text(
    "Name of the TLSContext for TLS to the service. https:// in service is enough for TLS without a certificate of our own. Default: none.",
  ),
  weight: integer(
    "Percent of the requests that this Mapping takes where several have the same match. Default: an equal share of what the others leave.",
    { min: 0, max: 100 },
  ),
};

const redirects = {
  host_redirect: flag("Answers with a redirect to service as host, instead of routing. Default: false."),
  path_redirect: text("With host_redirect: the path redirected to. Wins over prefix_redirect and regex_redirect."),
  prefix_redirect: text("With host_redirect: replaces the matched prefix of the path. Wins over regex_redirect."),
  regex_redirect: regexSubstitution("With host_redirect: rewrites the path by a regular expression."),
  redirect_response_code: z
    .literal([301, 302, 303, 307, 308])
    .optional()
    .describe("With host_redirect: the status of the answer. Default: 301."),
};

const kept = {
  docs: z
    .object({
      path: text("Path of the OpenAPI document below prefix."),
      url: text("URL of the OpenAPI document."),
      ignored: flag("Whether the Mapping is left out of the documentation. Default: false."),
      display_name: text("Name shown in the documentation."),
      timeout_ms: milliseconds("Milliseconds that fetching the document may take."),
    })
    .optional()
    .describe("Documentation of the API behind the Mapping, for a developer portal; without effect on routing."),
  modules: z
    .array(freeForm("Not typed."))
    .optional()
    .describe("Accepted for compatibility, without effect in Emissary and here."),
  envoy_override: freeForm("Accepted for compatibility, without effect in Emissary and here.").optional(),
  v2ExplicitTLS,
  v2BoolHeaders: texts("Names in regex_headers that v2 wrote as true; kept for conversion, without effect."),
  v2BoolQueryParameters: texts(
    "Names in regex_query_parameters that v2 wrote as true; kept for conversion, without effect.",
  ),
};

export const mappingSpecSchema = z
  .object({
    ...ambassadorId,
    ...matching,
    ...target,
    ...redirects,
    ...rewriteFields,
    ...timeoutsFields,
    ...retryPolicyFields,
    ...corsFields,
    ...headersFields,
    ...hostRewriteFields,
    ...shadowFields,
    ...upgradesFields,
    ...priorityFields,
    ...loadBalancerFields,
    ...circuitBreakersFields,
    ...keepaliveFields,
    ...connectionFields,
    ...dnsFields,
    ...grpcFields,
    ...statsNameFields,
    ...clusterTagFields,
    ...healthChecksFields,
    ...outlierDetectionFields,
    ...authFields,
    ...labelsFields,
    ...errorOverridesFields,
    ...kept,
  })
  .describe("Which requests are routed, where to, and what is done to them on the way.");

export type MappingSpec = z.output<typeof mappingSpecSchema>;
