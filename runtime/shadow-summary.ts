import type { Resources } from "../crds/resources.ts";
import type { Problem } from "../ir/problem.ts";

/** A shadow's only answer, once for each change. */
export function shadowSummary(
  problems: readonly Problem[],
  { listeners, hosts, mappings, tcpMappings }: Resources,
): string {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const routes = mappings.length + tcpMappings.length;
  return `judged ${listeners.length} Listeners, ${hosts.length} Hosts, ${routes} Mappings: ${errors} errors, ${problems.length - errors} warnings`;
}
