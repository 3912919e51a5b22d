/** The status of objects in a cluster: each replica reports on a Lease of its own, and the elected one writes. */
import type { KubeConfig } from "@kubernetes/client-node";
import { customKinds } from "../../capabilities/kinds.ts";
import { fields } from "../../compile/store.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";
import type { Replica } from "../../status/progress.ts";
import { conditionsIn } from "../../status/status.ts";
import type { Clock } from "../clock.ts";
import type { ClusterSource } from "../cluster-source.ts";
import { createApi } from "../informers/api.ts";
import { parseJson } from "../informers/raw.ts";
import type { Log } from "../log.ts";
import type { Environment } from "../settings.ts";
import { isFields } from "../../crds/metadata.ts";
import { statusDesk } from "./desk.ts";
import { type Election, startElection } from "./election.ts";
import { eventWriter, transitions } from "./events.ts";
import { leasesPath } from "./lease.ts";
import { replicaNames } from "./names.ts";
import type { OwnReport } from "./own-report.ts";
import { idOf, problemIndex } from "./problem-index.ts";
import { watchReplicas } from "./replicas.ts";
import { keepReportLease } from "./report-lease.ts";
import { requester } from "./request.ts";
import { statusWriter } from "./write.ts";

export interface GatewayStatusOptions {
  readonly kubeConfig: KubeConfig;
  readonly env: Environment;
  readonly ambassadorId: string;
  /** The gateway's own. */
  readonly namespace: string;
  readonly source: Pick<ClusterSource, "object" | "resources" | "sightings">;
  readonly report: OwnReport;
  /** false: replicas report and elect, and no object's status is written. */
  readonly writes: boolean;
  readonly metrics: {
    programmed(seconds: number): void;
    statusWritten(): void;
  };
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface GatewayStatus {
  readonly election: Election;
  /** What is wrong now, and in whose place the last good version serves. After a compile. */
  judged(problems: readonly Problem[], kept: ReadonlySet<ObjectRef>): void;
  /** Envoy has something more, or readiness is another. */
  progressed(): void;
  /** Hands the election on: this replica is about to stop. */
  resign(): void;
  /** Takes its Lease away. */
  release(): Promise<void>;
}

/** Leases of replicas that were killed, where no Pod owns them. */
const FORGOTTEN_MS = 3_600_000;
const TIDY_MS = 600_000;

export function gatewayStatus(options: GatewayStatusOptions): GatewayStatus {
  const { kubeConfig, namespace, source, report, clock, log, signal } = options;
  const today = () => new Date();
  const random = Math.random;
  const api = createApi(kubeConfig);
  signal.addEventListener("abort", api.close, { once: true });
  const requests = requester(api, signal);
  const names = replicaNames(options.env, options.ambassadorId, random);
  const common = { requester: requests, namespace, clock, today, log, signal };
  const problems = problemIndex();
  let isJudged = false;
  let refused: ReadonlySet<string> = new Set();

  const lease = keepReportLease({
    ...common,
    name: names.replica,
    labels: names.labels,
    owner: names.owner,
    report: report.now,
    worth: report.worth,
  });
  const replicas = watchReplicas({
    ...{ kubeConfig, namespace, clock, log, signal },
    labels: names.labels,
    own: names.replica,
    onChange: () => progressed(),
  });
  const all = (): readonly Replica[] => {
    const own = { name: names.replica, report: report.now() };
    return [own, ...replicas.others()].sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  /** Asked for each object that is looked at. */
  let known: readonly Replica[] | undefined;
  const current = (): readonly Replica[] => {
    if (known === undefined) setImmediate(() => (known = undefined));
    return (known ??= all());
  };
  const election = startElection({
    ...common,
    name: names.election,
    labels: names.electionLabels,
    identity: `${names.replica}_${Math.floor(random() * 2 ** 40).toString(16)}`,
    random,
  });
  const event = eventWriter({ requester: requests, instance: names.replica, clock, today, random, log });
  const mayWrite = () => options.writes && isJudged && replicas.synced() && election.elected();
  let isAtWork = false;
  const desk = statusDesk({
    object: source.object,
    objects: () => objectsOf(source),
    sightings: source.sightings,
    problems,
    replicas: current,
    ambassadorId: options.ambassadorId,
    mayWrite,
    writer: statusWriter({ requester: requests, clock, log }),
    onWritten(object, before, { conditions = [] }) {
      options.metrics.statusWritten();
      const status = before === "" ? undefined : parseJson(before);
      const earlier = conditionsIn(isFields(status) ? status : undefined);
      for (const told of transitions(earlier, conditions)) event(object, told);
    },
    onProgrammed: options.metrics.programmed,
    clock,
    today,
    signal,
  });

  /** Elected, and knowing what there is; or no longer. */
  function reconsider(): void {
    if (mayWrite() === isAtWork) return;
    isAtWork = !isAtWork;
    if (isAtWork) desk.begin();
    else desk.end();
  }

  function progressed(): void {
    known = undefined;
    lease.changed();
    reconsider();
    if (!isAtWork) return;
    const now = new Set(current().flatMap(({ report: { ready, refused: list } }) => (ready ? list.map(idOf) : [])));
    for (const id of now) if (!refused.has(id)) desk.touch(id);
    for (const id of refused) if (!now.has(id)) desk.touch(id);
    refused = now;
    desk.progressed();
  }

  function tidy(): void {
    if (signal.aborted) return;
    if (election.elected())
      for (const name of replicas.forgotten(FORGOTTEN_MS))
        void requests.send({ method: "DELETE", path: leasesPath(namespace, name) });
    clock.setTimer(TIDY_MS, tidy);
  }

  election.onChange(reconsider);
  source.sightings.onSeen = (kind, key, isContent) => desk.touch(`${kind} ${key}`, isContent);
  clock.setTimer(TIDY_MS, tidy);
  return {
    election,
    judged(found, kept) {
      isJudged = true;
      const touched = problems.set(found, kept);
      reconsider();
      for (const id of touched) desk.touch(id);
    },
    progressed,
    resign() {
      lease.changed();
      void election.release();
    },
    async release() {
      await Promise.all([lease.release(), election.release()]);
    },
  };
}

function* objectsOf(source: Pick<ClusterSource, "resources">): Iterable<AnyResource> {
  const resources = source.resources();
  for (const { kind } of customKinds) yield* resources[fields[kind]];
}
