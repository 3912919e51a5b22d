import { FatalError, errorText } from "../../runtime/fatal.ts";
import { createApi } from "../../runtime/informers/api.ts";
import type { WatchedKind } from "../../runtime/informers/kind.ts";
import { type Lease, readLease } from "../../runtime/status/lease.ts";
import { formatObject } from "../../ir/problem.ts";
import { type ReplicaReport, readReport, reportAnnotation } from "../../status/report.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { type Paint, paintFor } from "../output/colour.ts";
import { structured } from "../output/format.ts";
import { table } from "../output/table.ts";
import { clusterOf, listOrFail } from "../state/cluster.ts";
import type { Environment } from "../state/state.ts";
import type { ProxiesFlags } from "./commands.ts";
import type { Writer } from "./objects.ts";

interface Proxy {
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
const ANSWER_MS = 10_000;

/** @returns the exit code */
export async function proxies(flags: ProxiesFlags, env: Environment, { out, error }: Writer): Promise<number> {
  const found = flags.gateway === undefined ? await ofCluster(flags, env) : [await ofGateway(flags.gateway)];
  const isWell = ({ stale, report }: Proxy) => !stale && report.ready && report.refused.length === 0;
  const code = found.every(isWell) && found.length > 0 ? exitCodes.ok : exitCodes.findings;
  if (flags.output !== "table") {
    out(structured(found, flags.output));
    return code;
  }
  if (found.length === 0) error("no proxy reports: is a gateway running in this cluster?\n");
  else out(matrix(found, Date.now(), paintFor(process.stdout, env)) + refusals(found));
  return code;
}

async function ofCluster(flags: ProxiesFlags, env: Environment): Promise<readonly Proxy[]> {
  const { kubeConfig, origin } = clusterOf(flags, env);
  const api = createApi(kubeConfig);
  try {
    const selection = { namespace: flags.namespace, labelSelector };
    const objects = await listOrFail(api, leases, selection, `cluster ${kubeConfig.getCurrentContext()} (${origin})`);
    return objects.flatMap((object) => {
      const lease = readLease(object);
      const report = readReport(lease?.annotations[reportAnnotation]);
      if (lease === undefined || report === undefined) return [];
      return [{ namespace: object.metadata.namespace ?? "", name: lease.name, stale: isStale(lease), report }];
    });
  } finally {
    api.close();
  }
}

function isStale({ renewTime, durationMs }: Lease): boolean {
  return Date.parse(renewTime) + durationMs < Date.now();
}

async function ofGateway(url: string): Promise<Proxy> {
  try {
    const response = await fetch(new URL("/proxies", url), { signal: AbortSignal.timeout(ANSWER_MS) });
    const report = readReport(await response.text());
    if (!response.ok || report === undefined) throw new Error(`it answered ${response.status}`);
    return { namespace: "", name: new URL(url).host, stale: false, report };
  } catch (failure) {
    const cause = failure instanceof Error && failure.cause !== undefined ? failure.cause : failure;
    throw new FatalError(`the gateway at ${url} does not tell: ${errorText(cause)}`, exitCodes.unreachable);
  }
}

/** A row for each proxy and type of resource. */
function matrix(found: readonly Proxy[], nowMs: number, paint: Paint): string {
  const headings = ["PROXY", "READY", "TYPE", "STATE", "RESOURCES", "CONTENT", "ACKNOWLEDGED", "LAG"];
  const rows = found.flatMap(({ name, stale, report }) =>
    Object.entries(report.types ?? {}).map(
      ([type, { resources, digest, acknowledgedAt, lagMs, refused = [] }], place) => {
        const state = stale
          ? "gone"
          : refused.length > 0
            ? "refused"
            : acknowledgedAt === undefined
              ? "waiting"
              : "synced";
        return [
          place === 0 ? name : "",
          place === 0 ? readyText(stale, report) : "",
          type,
          paint(state === "synced" ? "green" : state === "waiting" ? "yellow" : "red", state),
          String(resources),
          digest,
          acknowledgedAt === undefined ? "" : `${ageText(nowMs - Date.parse(acknowledgedAt))} ago`,
          lagMs === undefined ? "" : `${lagMs} ms`,
        ];
      },
    ),
  );
  return table(headings, rows);
}

function readyText(stale: boolean, { ready }: ReplicaReport): string {
  if (stale) return "gone";
  return ready ? "yes" : "no";
}

function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`;
}

/** What is not ready, and what is refused, with Envoy's words. */
function refusals(found: readonly Proxy[]): string {
  const lines = found.flatMap(({ name, stale, report }) => [
    ...(stale || report.ready ? [] : [`${name} is not ready: ${report.reason ?? ""}`]),
    ...report.refused.map(({ message, ...object }) => `${name} refuses ${formatObject(object)}: ${message}`),
    ...(report.more === true || report.alsoRefused !== undefined ? [`${name} refuses more objects than it lists`] : []),
  ]);
  return lines.length === 0 ? "" : `\n${lines.join("\n")}\n`;
}
