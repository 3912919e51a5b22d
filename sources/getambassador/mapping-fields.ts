import type { MappingSpec } from "../../crds/mapping.ts";
import { type FieldProblem, ignored } from "../../features/feature.ts";

/** Fields of Mapping.spec that the routing core reads itself; features own the others. */
export const coreFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "prefix",
  "prefix_regex",
  "prefix_exact",
  "case_sensitive",
  "hostname",
  "host",
  "host_regex",
  "method",
  "method_regex",
  "headers",
  "regex_headers",
  "query_parameters",
  "regex_query_parameters",
  "precedence",
  "service",
  "resolver",
  "tls",
  "weight",
  "host_redirect",
  "path_redirect",
  "prefix_redirect",
  "regex_redirect",
  "redirect_response_code",
  "cluster_tag",
  // Kept for conversion or for tools; without effect on traffic.
  "docs",
  "v2BoolHeaders",
  "v2BoolQueryParameters",
  "v2ExplicitTLS",
  // Told by `deadFields`.
  "modules",
  "envoy_override",
]);

/** Fields that Emissary's schema has and nothing in it reads. */
const dead = ["modules", "envoy_override"] as const;

export function deadFields(spec: MappingSpec): FieldProblem[] {
  return dead
    .filter((name) => spec[name] !== undefined)
    .map((name) => ignored([name], "it has no effect, here as in Emissary", "remove it"));
}
