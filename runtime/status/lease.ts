/** Leases of coordination.k8s.io/v1, as far as they are needed. */
import { isFields } from "../../crds/metadata.ts";

export interface Lease {
  readonly name: string;
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, unknown>>;
  /** Empty: nobody. */
  readonly holder: string;
  readonly durationMs: number;
  /** By its holder's clock; only whether it changes means anything to others. */
  readonly renewTime: string;
  readonly transitions: number;
}

export function leasesPath(namespace: string, name?: string): string {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`;
}

/** Undefined for what is no Lease. */
export function readLease(object: unknown): Lease | undefined {
  if (!isFields(object) || !isFields(object["metadata"])) return undefined;
  const { name, resourceVersion, annotations } = object["metadata"];
  const spec = isFields(object["spec"]) ? object["spec"] : {};
  const { holderIdentity, leaseDurationSeconds, renewTime, leaseTransitions } = spec;
  if (typeof name !== "string" || typeof resourceVersion !== "string") return undefined;
  return {
    name,
    resourceVersion,
    annotations: isFields(annotations) ? annotations : {},
    holder: typeof holderIdentity === "string" ? holderIdentity : "",
    durationMs: typeof leaseDurationSeconds === "number" ? leaseDurationSeconds * 1000 : 0,
    renewTime: typeof renewTime === "string" ? renewTime : "",
    transitions: typeof leaseTransitions === "number" ? leaseTransitions : 0,
  };
}

/** metav1.MicroTime, which takes no fewer digits. */
export function microTime(date: Date): string {
  return date.toISOString().replace("Z", "000Z");
}
