import type { KubeConfig } from "@kubernetes/client-node";
import type { Replica } from "../../status/progress.ts";
import { readReport, reportAnnotation } from "../../status/report.ts";
import type { Clock } from "../clock.ts";
import { startInformers } from "../informers.ts";
import type { WatchedKind } from "../informers/kind.ts";
import type { Log } from "../log.ts";
import { type Lease, readLease } from "./lease.ts";

export interface Replicas {
  /** The others whose Leases are renewed, by name. */
  others(): readonly Replica[];
  /** All of them are known. */
  synced(): boolean;
  /** Leases that nobody has renewed for so long. */
  forgotten(forMs: number): readonly string[];
}

export interface ReplicasOptions {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Name of our own Lease. */
  readonly own: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onChange: () => void;
}

interface Observed {
  readonly lease: Lease;
  readonly replica: Replica | undefined;
  /** When it was seen to be renewed, by our clock: those of the others may differ. */
  readonly renewedAtMs: number;
}

/** Watches the Leases by which replicas report. */
export function watchReplicas(options: ReplicasOptions): Replicas {
  const { kubeConfig, namespace, labels, own, clock, log, signal, onChange } = options;
  let known: ReadonlyMap<string, Observed> = new Map();
  let isSynced = false;
  const kind: WatchedKind = {
    kind: "Lease",
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    namespaced: true,
    namespace,
    optional: true,
  };
  const labelSelector = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");

  function observed(lease: Lease): Observed {
    const before = known.get(lease.name);
    const isRenewed = before?.lease.renewTime !== lease.renewTime;
    const report = lease.holder === "" ? undefined : readReport(lease.annotations[reportAnnotation]);
    return {
      lease,
      replica: report === undefined ? undefined : { name: lease.name, report },
      renewedAtMs: before !== undefined && !isRenewed ? before.renewedAtMs : clock.now(),
    };
  }

  function set(leases: ReadonlyMap<string, Observed>): void {
    known = leases;
    onChange();
  }

  startInformers<Lease | undefined>({
    kubeConfig,
    kinds: [kind],
    labelSelector,
    log,
    signal,
    parse: readLease,
    sink: {
      replace: (_, leases) => set(new Map(leases.flatMap((each) => (each ? [[each.name, observed(each)]] : [])))),
      put(_, lease) {
        if (lease !== undefined) set(new Map(known).set(lease.name, observed(lease)));
      },
      remove: (_, { name }) => set(new Map([...known].filter(([each]) => each !== name))),
    },
    onSynced() {
      isSynced = true;
      onChange();
    },
    onState: () => undefined,
  });

  return {
    synced: () => isSynced,
    others: () =>
      [...known.values()].flatMap(({ lease, replica, renewedAtMs }) => {
        const isStale = clock.now() - renewedAtMs >= lease.durationMs;
        return replica === undefined || isStale || lease.name === own ? [] : [replica];
      }),
    forgotten: (forMs) =>
      [...known.values()].flatMap(({ lease, renewedAtMs }) =>
        clock.now() - renewedAtMs >= forMs && lease.name !== own ? [lease.name] : [],
      ),
  };
}
