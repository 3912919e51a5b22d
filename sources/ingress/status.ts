/** What stands in the status of Ingresses: where clients reach the gateway. */
import type { IngressResource, Resources, ServiceResource } from "../../crds/resources.ts";
import { hasError, keyOf } from "../../ir/resource.ts";
import { ownershipOf, readClasses } from "./classes.ts";

/** As in both statuses; a Service's has more. */
export interface LoadBalancerIngress {
  readonly ip?: unknown;
  readonly hostname?: unknown;
  readonly ports?: unknown;
}

export interface StatusChange {
  readonly ingress: IngressResource;
  readonly loadBalancer: readonly LoadBalancerIngress[];
}

export interface GatewayOf {
  readonly ambassadorId: string;
  readonly ownNamespace: string;
  /** `namespace/name` of the Service in front of the gateway; undefined: the one that is labelled as such. */
  readonly service: string | undefined;
}

/** Emissary's label of the Service in front of it. */
const label = "app.kubernetes.io/component";
const labelled = "ambassador-service";

/** The Service in front of the gateway; undefined when it is not known which that is. */
export function gatewayService(
  services: readonly ServiceResource[],
  { ownNamespace, service }: GatewayOf,
): ServiceResource | undefined {
  if (service !== undefined) return services.find((each) => keyOf(each) === service);
  return services.find((each) => each.namespace === ownNamespace && each.labels[label] === labelled);
}

/** The Ingresses that are for this gateway. */
export function gatewayIngresses(
  { ingresses, ingressClasses }: Pick<Resources, "ingresses" | "ingressClasses">,
  ambassadorId: string,
): readonly IngressResource[] {
  const classes = readClasses(ingressClasses, ambassadorId);
  return ingresses.filter((each) => !hasError(each) && ownershipOf(each, classes, ambassadorId) === "ours");
}

/** Ingresses whose status does not say what the status of the gateway's Service says. */
export function statusChanges(
  ingresses: readonly IngressResource[],
  service: ServiceResource | undefined,
): readonly StatusChange[] {
  if (service === undefined || hasError(service)) return [];
  const wanted = (service.spec.loadBalancer ?? []).map(shared);
  const text = JSON.stringify(wanted);
  return ingresses
    .filter(({ spec }) => JSON.stringify(spec.loadBalancer.map(shared)) !== text)
    .map((ingress) => ({ ingress, loadBalancer: wanted }));
}

function shared({ ip, hostname, ports }: Readonly<Record<string, unknown>>): LoadBalancerIngress {
  const some = Object.entries({ ip, hostname, ports }).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(some);
}
