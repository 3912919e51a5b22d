/** Proxies by the Leases on which they report. */
import type { KubeConfig } from "@kubernetes/client-node";
import { createApi } from "../../runtime/informers/api.ts";
import type { WatchedKind } from "../../runtime/informers/kind.ts";
import { readLease } from "../../runtime/status/lease.ts";
import { readReport, type ReplicaReport, reportAnnotation } from "../../status/report.ts";
import { listOrFail } from "./list.ts";

export interface Proxy {
  readonly namespace: string;
  readonly name: string;
  /** Nobody renews its Lease any more. */
  readonly stale: boolean;
  readonly report: ReplicaReport;
}

const leases: WatchedKind = {
  kind: "Lease",
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  namespaced: true,
};
const labelSelector = "app.kubernetes.io/name=nuncio,app.kubernetes.io/component=replica";

/** @throws FatalError when the cluster cannot be reached, or does not let us read */
export async function readReplicas(
  kubeConfig: KubeConfig,
  namespace: string | undefined,
  from: string,
): Promise<readonly Proxy[]> {
  const api = createApi(kubeConfig);
  try {
    const objects = await listOrFail(api, leases, { namespace, labelSelector }, from);
    return objects.flatMap((object) => {
      const lease = readLease(object);
      const report = readReport(lease?.annotations[reportAnnotation]);
      if (lease === undefined || report === undefined) return [];
      const stale = Date.parse(lease.renewTime) + lease.durationMs < Date.now();
      return [{ namespace: object.metadata.namespace ?? "", name: lease.name, stale, report }];
    });
  } finally {
    api.close();
  }
}
