import { createHash } from "node:crypto";
import type { Environment } from "../settings.ts";
import type { Owner } from "./report-lease.ts";

export interface ReplicaNames {
  /** Of this replica's Lease: the Pod's, where there is one. */
  readonly replica: string;
  readonly owner: Owner | undefined;
  /** Of the Lease by which the writer is elected. */
  readonly election: string;
  /** Of the Leases by which replicas report. */
  readonly labels: Readonly<Record<string, string>>;
  readonly electionLabels: Readonly<Record<string, string>>;
}

/** Names of Leases. Gateways of one AMBASSADOR_ID and namespace are replicas of each other. */
export function replicaNames(env: Environment, ambassadorId: string, random: () => number): ReplicaNames {
  const pod = podOf(env);
  const uid = env["POD_UID"] ?? "";
  const instance = slugOf(ambassadorId);
  const label = (component: string) => ({
    "app.kubernetes.io/name": "nuncio",
    "app.kubernetes.io/component": component,
    "app.kubernetes.io/instance": instance,
  });
  return {
    replica:
      pod ??
      `nuncio-${Math.floor(random() * 2 ** 40)
        .toString(16)
        .padStart(10, "0")}`,
    owner: pod === undefined || uid === "" ? undefined : { name: pod, uid },
    election: `nuncio-${instance}`,
    labels: label("replica"),
    electionLabels: label("election"),
  };
}

/** Several gateways on a machine have one HOSTNAME; in a cluster it is the Pod's name. */
function podOf(env: Environment): string | undefined {
  const hostname = (env["KUBERNETES_SERVICE_HOST"] ?? "") === "" ? "" : env["HOSTNAME"];
  const name = (env["POD_NAME"] ?? "").trim() || (hostname ?? "").trim();
  return /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) ? name : undefined;
}

/** AMBASSADOR_ID as a part of names and as a value of labels, which take less. */
function slugOf(id: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(id)) return id;
  return createHash("sha256").update(id).digest("hex").slice(0, 16);
}
