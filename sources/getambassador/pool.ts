import { hash } from "node:crypto";
import type { Cluster, ClusterEndpoints, FixedEndpoints, ServiceEndpoints } from "../../ir/types.ts";

function placesOf({ endpoints }: Cluster): readonly (ServiceEndpoints | FixedEndpoints)[] {
  return endpoints.kind === "services" || endpoints.kind === "hosts" ? endpoints.of : [endpoints];
}

function isFixed(place: ServiceEndpoints | FixedEndpoints): place is FixedEndpoints {
  return place.kind === "dns" || place.kind === "address";
}

function isService(place: ServiceEndpoints | FixedEndpoints): place is ServiceEndpoints {
  return !isFixed(place);
}

const HASH_LENGTH = 10;

/**
 * One cluster over the endpoints of several that are alike in all else, each as likely as the others. Services and places
 * outside of the cluster do not go together: Envoy gets the ones by EDS and asks DNS for the others. undefined: these do not.
 */
export function pooled(clusters: readonly Cluster[]): Cluster | undefined {
  const [first] = clusters;
  if (first === undefined) return undefined;
  const alike = (cluster: Cluster) => JSON.stringify([cluster.tls ?? null, cluster.features]);
  if (clusters.some((cluster) => alike(cluster) !== alike(first))) return undefined;
  const unique = new Map(clusters.flatMap(placesOf).map((place) => [JSON.stringify(place), place]));
  const places = [...unique.values()];
  if (places.length === 1) return first;
  let endpoints: ClusterEndpoints;
  if (places.every(isFixed)) endpoints = { kind: "hosts", of: places };
  else if (places.every(isService)) endpoints = { kind: "services", of: places };
  else return undefined;
  const mark = hash("sha256", JSON.stringify(endpoints), "hex").slice(0, HASH_LENGTH);
  return { ...first, name: `${first.name}+${mark}`, endpoints };
}
