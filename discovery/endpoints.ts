import type { EndpointSliceResource, ServiceResource } from "../crds/resources.ts";
import { diffLists, patchSorted } from "../ir/aligned.ts";
import { BucketMap, diffMaps } from "../ir/bucket-map.ts";
import { sameElements } from "../ir/memo.ts";
import { compareText } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";
import { type ConsulEndpoints, consulKey } from "./consul.ts";
import type { ServiceEndpoints } from "../ir/types.ts";
import { type EdsEndpoints, encodeEndpoints, type Endpoint } from "../xds/resources/endpoints.ts";
import type { ResourceMap, XdsResource } from "../xds/snapshot.ts";

export interface EndpointSources {
  readonly services: readonly ServiceResource[];
  readonly endpointSlices: readonly EndpointSliceResource[];
}

/** An EDS cluster, and what its endpoints were made of. */
interface Entry {
  readonly needed: EdsEndpoints;
  inputs: readonly unknown[];
}

/**
 * Endpoints of the EDS clusters, by the name of the EDS resource. Needs no compile: a change of EndpointSlices looks at and
 * encodes the endpoints of its own Service again and nothing else. A Service without endpoints has an empty assignment, never
 * none: Envoy waits for one that does not come. What Consul has not answered yet has none: the server tells Envoy not to wait,
 * and an Envoy that has endpoints from an earlier control plane keeps them.
 */
export function endpointDiscovery(): (
  needed: ReadonlyMap<string, EdsEndpoints>,
  sources: EndpointSources,
  consul?: ConsulEndpoints,
) => ResourceMap {
  const services = indexByService<ServiceResource>(keyOf);
  const slices = indexByService<EndpointSliceResource>(({ namespace, spec }) =>
    spec.service === undefined ? undefined : `${namespace}/${spec.service}`,
  );
  const entries = new Map<string, Entry>();
  /** Of `entries`, by the key of their Service. */
  const namesOf = new Map<string, Set<string>>();
  let earlierNeeded: ReadonlyMap<string, EdsEndpoints> = new Map();
  let resources = BucketMap.of<XdsResource>();

  const forget = (name: string): void => {
    const entry = entries.get(name);
    if (entry === undefined) return;
    entries.delete(name);
    for (const part of partsOf(entry.needed)) {
      const names = namesOf.get(partKey(part));
      names?.delete(name);
      if (names?.size === 0) namesOf.delete(partKey(part));
    }
  };
  const add = (name: string, needed: EdsEndpoints): void => {
    forget(name);
    entries.set(name, { needed, inputs: unknown });
    for (const part of partsOf(needed)) {
      const names = namesOf.get(partKey(part));
      if (names === undefined) namesOf.set(partKey(part), new Set([name]));
      else names.add(name);
    }
  };

  let earlierConsul: ConsulEndpoints = new Map();

  /** undefined: not known yet. */
  const inputsOf = (part: ServiceEndpoints, consul: ConsulEndpoints): readonly unknown[] | undefined => {
    const key = partKey(part);
    if (part.kind === "service") return services.of(key);
    return part.kind === "slices" ? slices.of(key) : consul.get(key);
  };

  return (needed, sources, consul = earlierConsul) => {
    const { changed, gone } = diffMaps(earlierNeeded, needed);
    earlierNeeded = needed;
    for (const name of gone) forget(name);
    for (const [name, endpoints] of changed) add(name, endpoints);
    const stale = new Set(changed.map(([name]) => name));
    const ofConsul = diffMaps(earlierConsul, consul).changed.map(([key]) => key);
    earlierConsul = consul;
    for (const key of [...services.update(sources.services), ...slices.update(sources.endpointSlices), ...ofConsul]) {
      for (const name of namesOf.get(key) ?? []) stale.add(name);
    }
    const made: [string, XdsResource][] = [];
    for (const name of stale) {
      const entry = entries.get(name) as Entry;
      const parts = partsOf(entry.needed);
      const found = parts.map((part) => inputsOf(part, consul));
      if (found.every((inputs) => inputs === undefined)) continue;
      const inputs = found.flatMap((each) => each ?? []);
      if (sameElements(entry.inputs, inputs)) continue;
      entry.inputs = inputs;
      const endpoints = parts.flatMap((part, index) => endpointsOf(part, found[index] ?? []));
      made.push([name, encodeEndpoints(name, endpoints)]);
    }
    resources = resources.with(made, gone);
    return resources;
  };
}

/** Equal to no inputs, not even to none. */
const unknown: readonly unknown[] = [Symbol("nothing has been looked up yet")];

function partKey(part: ServiceEndpoints): string {
  return part.kind === "consul" ? consulKey(part) : keyOf(part);
}

/** The Services of a cluster: one, or several in a pool. */
function partsOf(needed: EdsEndpoints): readonly ServiceEndpoints[] {
  return needed.kind === "services" ? needed.of : [needed];
}

interface ServiceIndex<T> {
  /** @returns the keys of the Services of which something changed */
  update(items: readonly T[]): ReadonlySet<string>;
  /** In the order of their names. */
  of(key: string): readonly T[];
}

/** Objects by the key of their Service, kept by difference from list to list. */
function indexByService<T extends { readonly namespace: string; readonly name: string }>(
  serviceOf: (item: T) => string | undefined,
): ServiceIndex<T> {
  const index = new Map<string, readonly T[]>();
  let last: readonly T[] = [];
  return {
    update(items) {
      if (items === last) return nothing;
      const { removed, added } = diffLists(last, items);
      last = items;
      const touched = new Map<string, { removed: T[]; added: T[] }>();
      const note = (item: T, what: "removed" | "added"): void => {
        const key = serviceOf(item);
        if (key === undefined) return;
        const known = touched.get(key);
        if (known === undefined) touched.set(key, { removed: [], added: [], [what]: [item] });
        else known[what].push(item);
      };
      for (const item of removed) note(item, "removed");
      for (const item of added) note(item, "added");
      for (const [key, change] of touched) {
        const list = patchSorted(index.get(key) ?? [], change, byName);
        if (list.length === 0) index.delete(key);
        else index.set(key, list);
      }
      return new Set(touched.keys());
    },
    of: (key) => index.get(key) ?? [],
  };
}

const nothing: ReadonlySet<string> = new Set();

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareText(a.name, b.name);
}

function endpointsOf(needed: ServiceEndpoints, inputs: readonly unknown[]): readonly Endpoint[] {
  if (needed.kind === "service") return clusterIp(needed, inputs[0] as ServiceResource | undefined);
  if (needed.kind === "consul") return inputs as readonly Endpoint[];
  return (inputs as readonly EndpointSliceResource[]).flatMap((slice) => sliceEndpoints(needed, slice));
}

type Of<Kind> = Extract<ServiceEndpoints, { kind: Kind }>;

function clusterIp(needed: Of<"service">, service: ServiceResource | undefined): readonly Endpoint[] {
  const address = service?.spec.clusterIP;
  if (address === undefined || address === "" || address === "None") return [];
  return [{ address, port: needed.port, draining: false }];
}

/** Ready endpoints get requests; those that are terminating and still serve finish theirs. Source: EndpointSlice conditions. */
function sliceEndpoints(needed: Of<"slices">, { spec }: EndpointSliceResource): readonly Endpoint[] {
  if (spec.addressType === "FQDN") return [];
  const port = spec.ports.find(({ name, port }) =>
    typeof needed.port === "number" ? port === needed.port : (name ?? "") === needed.port,
  );
  const number = port?.port;
  if (number === undefined) return [];
  return spec.endpoints
    .filter(({ conditions }) => conditions.ready || (conditions.serving && conditions.terminating))
    .flatMap(({ addresses, conditions }) =>
      addresses.slice(0, 1).map((address) => ({ address, port: number, draining: !conditions.ready })),
    );
}
