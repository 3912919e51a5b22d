import { isIP } from "node:net";
import type { Instance } from "../discovery/consul.ts";
import { compareText } from "../ir/problem.ts";
import type { Endpoint } from "../xds/resources/endpoints.ts";

/** All addresses of a host name. Rejects when DNS knows none. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/** Addresses of instances that are registered by a host name: Envoy's EDS takes addresses only. */
export interface HostNames {
  /** What is known now; names that were never found have no endpoints. */
  endpointsOf(instances: readonly Instance[]): readonly Endpoint[];
  /** Asks for the names among them. @returns those that are not found; what was known of them before stays */
  refresh(instances: readonly Instance[]): Promise<readonly string[]>;
}

export function hostNames(lookUp: LookUp): HostNames {
  const known = new Map<string, readonly string[]>();
  return {
    endpointsOf(instances) {
      const found = new Map<string, Endpoint>();
      for (const { host, port } of instances) {
        for (const address of isIP(host) === 0 ? (known.get(host) ?? []) : [host])
          found.set(`${address} ${port}`, { address, port, draining: false });
      }
      return [...found].sort(([a], [b]) => compareText(a, b)).map(([, endpoint]) => endpoint);
    },
    async refresh(instances) {
      const names = namesOf(instances);
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
      const missing: string[] = [];
      await Promise.all(
        [...names].map(async (name) => {
          try {
            known.set(name, await lookUp(name));
          } catch {
            missing.push(name);
          }
        }),
      );
      return missing.sort();
    },
  };
}

export function namesOf(instances: readonly Instance[]): ReadonlySet<string> {
  return new Set(instances.map(({ host }) => host).filter((host) => isIP(host) === 0));
}
