import type { ModuleConfig } from "../crds/module-config.ts";

/** Keys of the Module by which routes and clusters are made: a change of another one makes none of them anew. */
export const defaultNames = [
  "add_linkerd_headers",
  "circuit_breakers",
  "cluster_idle_timeout_ms",
  "cluster_max_connection_lifetime_ms",
  "cluster_request_timeout_ms",
  "cors",
  "default_label_domain",
  "default_labels",
  "defaults",
  "enable_ipv4",
  "enable_ipv6",
  "error_response_overrides",
  "header_case_overrides",
  "keepalive",
  "load_balancer",
  "proper_case",
  "regex_max_size",
  "resolver",
  "retry_policy",
  "use_ambassador_namespace_for_service_resolution",
] as const satisfies readonly (keyof ModuleConfig)[];

/** What the Module says of routes and clusters that say nothing themselves. */
export type Defaults = Pick<ModuleConfig, (typeof defaultNames)[number]>;
