/** How far a version of an object has come, by the reports of the replicas. */
import { digestsIn, refusedDigest, type ReplicaReport } from "./report.ts";

export interface Replica {
  readonly name: string;
  readonly report: ReplicaReport;
}

export interface Subject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The resourceVersion at which its content was as it is. */
  readonly version: string;
}

export interface Progress {
  /** Proxies that are ready. */
  readonly total: number;
  /** Those of them whose Envoy has acknowledged the object. */
  readonly having: number;
  /** Names of those that have not, in order. */
  readonly waitingFor: readonly string[];
  /** How many refuse it, and Envoy's words. */
  readonly refusedBy: number;
  readonly refusal: string | undefined;
}

/**
 * A replica has an object when Envoy serves all that was read of the object's kind up to that version: within a kind, versions are
 * numbers that grow. So a report is a few numbers, whatever the number of objects.
 */
export function progressOf(
  subject: Subject,
  replicas: readonly Replica[],
  isOlder: (version: string, than: string) => boolean,
): Progress {
  const { kind, namespace, name, version } = subject;
  const waitingFor: string[] = [];
  let total = 0;
  let having = 0;
  let refusedBy = 0;
  let refusal: string | undefined;
  let isUnlisted = false;
  const digest = refusedDigest(subject);
  for (const { name: replica, report } of replicas) {
    if (!report.ready) continue;
    total++;
    const read = report.versions[kind];
    const refused = report.refused.find(
      (each) => each.name === name && each.namespace === namespace && each.kind === kind,
    );
    if (read === undefined || isOlder(read, version)) waitingFor.push(replica);
    else if (refused !== undefined) {
      refusedBy++;
      refusal ??= refused.message;
    } else if (digestsIn(report).has(digest)) {
      refusedBy++;
      isUnlisted = true;
    }
    // It may be among those that found no place in the report.
    else if (report.more === true) waitingFor.push(replica);
    else having++;
  }
  if (isUnlisted) refusal ??= "with many others; see the log of the proxy";
  return { total, having, waitingFor, refusedBy, refusal };
}
