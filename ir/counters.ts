/** How much work a compile really did: everything else was remembered. Reset by the compiler at each run. */
export interface Counters {
  mappings: number;
  groups: number;
  /** Ordered route lists of one domain. */
  domains: number;
  /** RouteConfigurations assembled. */
  tables: number;
  routes: number;
  clusters: number;
  listeners: number;
}

export function zeroCounters(): Counters {
  return { mappings: 0, groups: 0, domains: 0, tables: 0, routes: 0, clusters: 0, listeners: 0 };
}
