import type { BuiltHost } from "./host.ts";
import { globCovers, parseGlob } from "./hostname.ts";

/**
 * Host names inside of a chain's wildcards that belong to Hosts of other chains. A request for one of them on this chain's
 * connections has skipped the other chain's certificate, and its client certificates too (Emissary #3340).
 */
export interface Rivals {
  /** Whether a rival narrower than the Host has the domain. */
  own(domain: string, host: BuiltHost): boolean;
  readonly hostnames: readonly string[];
}

export const noRivals: Rivals = { own: () => false, hostnames: [] };

/** Of `others` those that are inside of a wildcard of `hosts`. Nobody asks for them where there is none. */
export function rivalsOf(hosts: readonly BuiltHost[], others: () => readonly BuiltHost[]): Rivals {
  const wildcards = hosts.filter(({ hostname }) => parseGlob(hostname).kind !== "exact");
  if (wildcards.length === 0) return noRivals;
  const inside = others().filter((other) => wildcards.some(({ hostname }) => globCovers(hostname, other.hostname)));
  if (inside.length === 0) return noRivals;
  const exact = new Set<string>();
  const wide: string[] = [];
  for (const { hostname } of inside) {
    if (parseGlob(hostname).kind === "exact") exact.add(hostname);
    else wide.push(hostname);
  }
  return {
    own: (domain, host) =>
      exact.has(domain) || wide.some((name) => globCovers(name, domain) && globCovers(host.hostname, name)),
    hostnames: [...exact, ...wide],
  };
}

/**
 * Domains of a table that are answered with 421: those of rivals, and where there are other chains every other name. That
 * is told to names that nobody has, too: what a chain would have to know to tell them apart grows with the other Hosts.
 */
export function misdirectedDomains(
  own: ReadonlySet<string>,
  { rivals: { hostnames }, hasOtherChains }: { readonly rivals: Rivals; readonly hasOtherChains: boolean },
): readonly string[] {
  const names = new Set(hostnames);
  // Where some domain has a port, Envoy compares ports, and clients may write any.
  if ([...own, ...hostnames].some((name) => hasPort(name))) {
    for (const name of hostnames) if (!hasPort(name) && !name.endsWith("*")) names.add(`${name}:*`);
  }
  if (hasOtherChains) names.add("*");
  return [...names].filter((name) => !own.has(name)).sort();
}

export function hasPort(hostname: string): boolean {
  return /:\d+$/.test(hostname);
}
