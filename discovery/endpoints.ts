import type { EndpointSliceResource, ServiceResource } from "../crds/resources.ts";
import { sameElements, sameEntries } from "../ir/memo.ts";
import type { ServiceEndpoints } from "../ir/types.ts";
import { type EdsEndpoints, encodeEndpoints, type Endpoint } from "../xds/resources/endpoints.ts";
import type { ResourceMap, XdsResource } from "../xds/snapshot.ts";

export interface EndpointSources {
  readonly services: readonly ServiceResource[];
  readonly endpointSlices: readonly EndpointSliceResource[];
}

type Index<T> = ReadonlyMap<string, T>;

interface Entry {
  readonly needed: EdsEndpoints;
  readonly inputs: readonly unknown[];
  readonly resource: XdsResource;
}

/**
 * Endpoints of the EDS clusters, by the name of the EDS resource. Needs no compile: a change of EndpointSlices encodes the
 * endpoints of its own Service again and nothing else. A Service without endpoints has an empty assignment, never none:
 * Envoy waits for one that does not come.
 */
export function endpointDiscovery(): (
  needed: ReadonlyMap<string, EdsEndpoints>,
  sources: EndpointSources,
) => ResourceMap {
  let serviceIndex: { readonly of: readonly ServiceResource[]; readonly index: Index<ServiceResource> } | undefined;
  let sliceIndex:
    | { readonly of: readonly EndpointSliceResource[]; readonly index: Index<readonly EndpointSliceResource[]> }
    | undefined;
  let entries = new Map<string, Entry>();
  let earlier: ResourceMap = new Map();
  return (needed, { services, endpointSlices }) => {
    if (serviceIndex?.of !== services) {
      serviceIndex = {
        of: services,
        index: new Map(services.map((service) => [`${service.namespace}/${service.name}`, service])),
      };
    }
    if (sliceIndex?.of !== endpointSlices) sliceIndex = { of: endpointSlices, index: indexSlices(endpointSlices) };
    const { index: serviceOf } = serviceIndex;
    const { index: slicesOf } = sliceIndex;
    const now = new Map<string, Entry>();
    const resources = new Map<string, XdsResource>();
    for (const [name, endpoints] of needed) {
      const parts = endpoints.kind === "services" ? endpoints.of : [endpoints];
      const inputsOf = parts.map(({ kind, namespace, name }) => {
        const key = `${namespace}/${name}`;
        return kind === "service" ? [serviceOf.get(key)] : (slicesOf.get(key) ?? []);
      });
      const inputs = inputsOf.flat();
      const entry = entries.get(name);
      const kept = entry !== undefined && entry.needed === endpoints && sameElements(entry.inputs, inputs);
      const next = kept
        ? entry
        : {
            needed: endpoints,
            inputs,
            resource: encodeEndpoints(
              name,
              parts.flatMap((part, index) => endpointsOf(part, inputsOf[index] ?? [])),
            ),
          };
      now.set(name, next);
      resources.set(name, next.resource);
    }
    entries = now;
    if (!sameEntries(resources, earlier)) earlier = resources;
    return earlier;
  };
}

function indexSlices(slices: readonly EndpointSliceResource[]): Index<readonly EndpointSliceResource[]> {
  const index = new Map<string, EndpointSliceResource[]>();
  for (const slice of slices) {
    if (slice.spec.service === undefined) continue;
    const key = `${slice.namespace}/${slice.spec.service}`;
    const known = index.get(key);
    if (known === undefined) index.set(key, [slice]);
    else known.push(slice);
  }
  return index;
}

function endpointsOf(needed: ServiceEndpoints, inputs: readonly unknown[]): readonly Endpoint[] {
  if (needed.kind === "service") return clusterIp(needed, inputs[0] as ServiceResource | undefined);
  return (inputs as readonly EndpointSliceResource[]).flatMap((slice) => sliceEndpoints(needed, slice));
}

function clusterIp(needed: ServiceEndpoints, service: ServiceResource | undefined): readonly Endpoint[] {
  const address = service?.spec.clusterIP;
  if (address === undefined || address === "" || address === "None") return [];
  return [{ address, port: Number(needed.port), draining: false }];
}

/** Ready endpoints get requests; those that are terminating and still serve finish theirs. Source: EndpointSlice conditions. */
function sliceEndpoints(needed: ServiceEndpoints, { spec }: EndpointSliceResource): readonly Endpoint[] {
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
