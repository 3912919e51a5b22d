import { FatalError, errorText } from "../../runtime/fatal.ts";
import { formatObject } from "../../ir/problem.ts";
import { type ReplicaReport, readReport } from "../../status/report.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { type Paint, paintFor } from "../output/colour.ts";
import { structured } from "../output/format.ts";
import { table } from "../output/table.ts";
import type { Proxy } from "../state/replicas.ts";
import { type Source, sourceOf } from "../state/source.ts";
import type { Environment } from "../state/state.ts";
import type { ProxiesFlags } from "./commands.ts";
import type { Writer } from "./objects.ts";

const ANSWER_MS = 10_000;

/** What there is to show, and as of when. */
interface Seen {
  readonly proxies: readonly Proxy[];
  readonly atMs: number;
  /** Why there may be less than there should be. */
  readonly note?: string | undefined;
}

/** @returns the exit code */
export async function proxies(flags: ProxiesFlags, env: Environment, { out, error }: Writer): Promise<number> {
  if (flags.gateway !== undefined && flags.from !== undefined)
    throw usage("--gateway and --from exclude each other; leave one of them out");
  const { proxies: found, atMs, note } = await look(flags, env);
  const isWell = ({ stale, report }: Proxy) => !stale && report.ready && report.refused.length === 0;
  const code = found.every(isWell) && found.length > 0 ? exitCodes.ok : exitCodes.findings;
  if (note !== undefined) error(`${note}\n`);
  if (flags.output !== "table") {
    out(structured(found, flags.output));
    return code;
  }
  if (found.length > 0) out(matrix(found, atMs, paintFor(process.stdout, env)) + refusals(found));
  else if (note === undefined) error("no proxy reports: is a gateway running in this cluster?\n");
  return code;
}

async function look(flags: ProxiesFlags, env: Environment): Promise<Seen> {
  if (flags.gateway !== undefined) return { proxies: [await ofGateway(flags.gateway)], atMs: Date.now() };
  const source = sourceOf(flags, env);
  if (source.kind === "bundle") return ofBundle(source, flags);
  if (source.kind === "manifests")
    throw usage(
      `${source.path} is a directory or a file of manifests, and nobody tells of who serves one; ask a gateway that does with --gateway http://127.0.0.1:8877, or see what it would be given with nuncio translate ${source.path}`,
    );
  const { clusterOf } = await import("../state/cluster.ts");
  const { readReplicas } = await import("../state/replicas.ts");
  const { kubeConfig, origin } = clusterOf(flags, env);
  const from = `cluster ${kubeConfig.getCurrentContext()} (${origin})`;
  return { proxies: await readReplicas(kubeConfig, flags.namespace, from), atMs: Date.now() };
}

/** The replicas of its cluster, and the gateway that was asked by --gateway. */
function ofBundle({ bundle, path }: Extract<Source, { kind: "bundle" }>, { namespace }: ProxiesFlags): Seen {
  const { cluster, madeAt } = bundle;
  const replicas = (cluster?.replicas ?? []).filter((each) => namespace === undefined || each.namespace === namespace);
  const answer = bundle.gateway.find((each) => each.path === "/proxies");
  const report = readReport(answer?.text);
  const asked = report === undefined ? [] : [{ namespace: "", name: "(--gateway)", stale: false, report }];
  const silent = answer !== undefined && report === undefined ? answer : undefined;
  if (cluster === undefined && answer === undefined)
    throw usage(`${path} is of files, and nobody tells of who serves them; make the bundle with --gateway URL`);
  const note =
    silent !== undefined
      ? `the gateway did not tell when the bundle was made: ${silent.status ?? ""} ${silent.text.trim()}`
      : cluster !== undefined && cluster.replicas === undefined
        ? "the bundle has no reports of replicas: who made it could not read their Leases"
        : replicas.length + asked.length === 0
          ? "no proxy reported when the bundle was made"
          : undefined;
  return { proxies: [...replicas, ...asked], atMs: Date.parse(madeAt), note };
}

function usage(message: string): FatalError {
  return new FatalError(message, exitCodes.usage);
}

async function ofGateway(url: string): Promise<Proxy> {
  if (!URL.canParse(url)) throw usage(`--gateway ${url}: write a URL, such as http://127.0.0.1:8877`);
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
