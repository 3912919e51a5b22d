import type { AdmissionRow } from "./admission.ts";
import type { ExplainRow } from "./explain.ts";
import type { BurstRow, PropagationRow } from "./propagation.ts";
import type { ChangesRow } from "./changes.ts";
import type { LoadRow } from "./cluster.ts";
import type { CompileRow, MixedRow } from "./compile.ts";
import type { FilesRow } from "./files.ts";
import type { Machine, Versions } from "./machine.ts";
import type { MemoryRow } from "./memory.ts";
import type { Section } from "./options.ts";
import type { StartRow } from "./start.ts";
import type { Distribution } from "./statistics.ts";
import type { ThroughputRow } from "./throughput.ts";
import type { VerdictRow } from "./verdict.ts";

export interface Report {
  /** Of this format: raised when a key changes its meaning. */
  readonly format: 1;
  readonly date: string;
  readonly seconds: number;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly versions: Versions & { readonly kubernetes: string | null };
  readonly loadAverage: { readonly start: readonly number[]; readonly end: readonly number[] };
  /** Parts that were asked for and could not run here. */
  readonly skipped: readonly { readonly section: Section; readonly reason: string }[];
  readonly propagation: readonly PropagationRow[];
  readonly burst: readonly BurstRow[];
  readonly compile: readonly CompileRow[];
  readonly mixed: readonly MixedRow[];
  readonly files: readonly FilesRow[];
  readonly memory: readonly MemoryRow[];
  readonly changes: readonly ChangesRow[];
  readonly admission: readonly AdmissionRow[];
  readonly explain: readonly ExplainRow[];
  readonly throughput: readonly ThroughputRow[];
  readonly start: readonly StartRow[];
  readonly loading: readonly LoadRow[];
  readonly verdict: readonly VerdictRow[];
}

type Cell = string | number;

const short = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
const spread = ({ p50, p90, max }: Distribution): string => `${short(p50)} / ${short(p90)} / ${short(max)}`;
const middle = ({ p50, p90 }: Distribution): string => `${short(p50)} / ${short(p90)}`;
const where = ({ scheme, hosts }: { readonly scheme: string; readonly hosts: number }): string =>
  hosts === 1 ? scheme : `${hosts} ${scheme}`;

/** The short form of a report, for people. */
export function table(report: Report): string {
  const { date, seconds, versions, machine, loadAverage } = report;
  const load = (each: readonly number[]) => each.join(" ");
  const parts = [
    `${versions.nuncio}, Envoy ${versions.envoy}, Node ${versions.node}, Kubernetes ${versions.kubernetes ?? "not run"}`,
    `${machine.cpus} CPUs (${machine.model}), ${machine.memoryGib} GiB, Linux ${machine.kernel}`,
    `${date}, ${Math.round(seconds)} s${report.quick ? ", --quick" : ""}; load average ${load(loadAverage.start)} at the start, ${load(loadAverage.end)} at the end`,
    ...propagationTable(report),
    ...burstTable(report),
    ...compileTable(report),
    ...mixedTable(report),
    ...filesTable(report),
    ...memoryTable(report),
    ...changesTable(report),
    ...admissionTable(report),
    ...explainTable(report),
    ...throughputTable(report),
    ...startTable(report),
    ...report.skipped.map(({ section, reason }) => `\nSKIPPED ${section}: ${reason}`),
  ];
  return `${parts.join("\n")}\n`;
}

function propagationTable({ propagation }: Report): string[] {
  const rows = propagation.flatMap((row) =>
    (["added", "changed", "deleted"] as const).map((kind): Cell[] => [
      row.mappings,
      row.form,
      where(row),
      kind,
      row.live[kind].n,
      spread(row.live[kind]),
      spread(row.floor[kind]),
      row.ratio[kind],
      short(row.envoyCpuMs[kind]),
      short(row.controlPlaneCpuMs[kind]),
      short(row.write[kind].p50),
      row.loadAverage[0] ?? 0,
    ]),
  );
  return section("propagation: API server's answer to first request that shows it, ms (p50 / p90 / max)", rows, [
    "Mappings",
    "form",
    "hosts",
    "route",
    "N",
    "live",
    "floor: Envoy alone",
    "ratio",
    "Envoy CPU",
    "ctrl CPU",
    "API write",
    "load",
  ]);
}

function burstTable({ burst }: Report): string[] {
  const rows = burst.map((row): Cell[] => [
    row.mappingsBefore,
    row.form,
    row.created,
    short(row.writeMs),
    short(row.lastLiveMs),
    row.loadAverage[0] ?? 0,
  ]);
  return section("many at once, ms", rows, ["there", "form", "created", "API writes", "last one live after", "load"]);
}

function filesTable({ files }: Report): string[] {
  const rows = files.map((row): Cell[] => [
    row.files,
    spread(row.checkMs),
    spread(row.planMs),
    row.loadAverage[0] ?? 0,
  ]);
  return section("files, ms of a process (p50 / p90 / max)", rows, ["files", "check", "plan", "load"]);
}

function compileTable({ compile }: Report): string[] {
  const rows = compile.map((row): Cell[] => [
    row.mappings,
    row.form,
    where(row),
    short(row.parseMs),
    short(row.firstMs),
    middle(row.freshMs),
    middle(row.oneChangedMs),
    middle(row.oneAddedMs),
    middle(row.oneRemovedMs),
    middle(row.hundredChangedMs),
    `${row.counters.oneChanged.mappings}/${row.counters.oneChanged.groups}/${row.counters.oneChanged.tables}`,
    row.largestTableBytes,
    `${row.heapMb.resources} / ${row.heapMb.compiled}`,
    row.rssMb,
    row.loadAverage[0] ?? 0,
  ]);
  return section("compile, ms (p50 / p90)", rows, [
    "Mappings",
    "form",
    "hosts",
    "parse",
    "first",
    "fresh, warm",
    "1 changed",
    "1 added",
    "1 removed",
    "100 changed",
    "built M/G/T",
    "table bytes",
    "heap MB in / all",
    "RSS MB",
    "load",
  ]);
}

function mixedTable({ mixed }: Report): string[] {
  const rows = mixed.map((row): Cell[] => [
    row.resources,
    short(row.parseMs),
    short(row.firstMs),
    middle(row.freshMs),
    ...Object.values(row.oneChangedMs).map(middle),
    row.loadAverage[0] ?? 0,
  ]);
  const kinds = Object.keys(mixed[0]?.oneChangedMs ?? {});
  const columns = ["resources", "parse", "first", "fresh, warm", ...kinds.map((kind) => `1 ${kind}`), "load"];
  return section("compile of every kind together, ms (p50 / p90)", rows, columns);
}

function memoryTable({ memory }: Report): string[] {
  const rows = memory.map((row): Cell[] => [
    row.mappings,
    row.form,
    where(row),
    row.when,
    row.supervisor.rssMb,
    `${row.controlPlane.rssMb} (${row.controlPlane.peakMb})`,
    `${row.envoy.rssMb} (${row.envoy.peakMb})`,
  ]);
  return section("memory: RSS (peak), MB", rows, [
    "Mappings",
    "form",
    "hosts",
    "when",
    "supervisor",
    "control plane",
    "Envoy",
  ]);
}

function changesTable({ changes }: Report): string[] {
  const rows = changes.map((row): Cell[] => [
    row.mappings,
    row.form,
    `${row.changes.added} + ${row.changes.changed} + ${row.changes.moved} + ${row.changes.deleted}`,
    short(row.seconds),
    row.routePushes,
    row.requests,
    row.failedRequests,
    `${short(row.p50Ms)} / ${short(row.p99Ms)}`,
    row.loadAverage[0] ?? 0,
  ]);
  return section("requests while the configuration changes", rows, [
    "Mappings",
    "form",
    "added + changed + moved + deleted",
    "s",
    "tables sent",
    "requests",
    "failed",
    "p50 / p99 ms",
    "load",
  ]);
}

function admissionTable({ admission }: Report): string[] {
  const cells = ({ tookMs, cpuMs }: AdmissionRow["single"]): Cell[] => [
    `${short(tookMs.p50)} / ${short(tookMs.p99)}`,
    short(cpuMs),
  ];
  const rows = admission.map((row): Cell[] => [
    row.mappings,
    where(row),
    row.single.tookMs.n,
    ...cells(row.single),
    ...cells(row.eight),
    `${row.memory.rssMb} (${row.memory.peakMb})`,
    row.loadAverage[0] ?? 0,
  ]);
  return section("admission: one review, ms (p50 / p99)", rows, [
    "Mappings",
    "hosts",
    "N",
    "one at a time",
    "CPU",
    "eight at once",
    "CPU",
    "RSS (peak), MB",
    "load",
  ]);
}

function explainTable({ explain }: Report): string[] {
  const rows = explain.map((row): Cell[] => [
    row.mappings,
    row.lastRoute.n,
    short(row.firstMs),
    spread(row.lastRoute),
    spread(row.noRoute),
    row.loadAverage[0] ?? 0,
  ]);
  const head = ["Mappings", "N", "first", "the last route", "no route", "load"];
  return section("explain one request, ms (p50 / p90 / max)", rows, head);
}

function throughputTable({ throughput }: Report): string[] {
  const rows = throughput.map((row): Cell[] => [
    row.mappings,
    row.form,
    `${row.nuncio.requestsPerSecond} / ${row.plainEnvoy.requestsPerSecond}`,
    row.ratio.perSecond,
    `${row.nuncio.requestsPerEnvoyCpuSecond} / ${row.plainEnvoy.requestsPerEnvoyCpuSecond}`,
    row.ratio.perEnvoyCpuSecond,
    [row.nuncio.oneConnectionP50Ms, row.plainEnvoy.oneConnectionP50Ms, row.directOneConnectionP50Ms]
      .map(short)
      .join(" / "),
    row.failures,
    `${row.generator}${row.pinned ? ", pinned" : ""}`,
    row.loadAverage[0] ?? 0,
  ]);
  return section("requests to the last route: Nuncio / plain Envoy with the same routes", rows, [
    "Mappings",
    "form",
    "per second",
    "ratio",
    "per Envoy CPU second",
    "ratio",
    "1 connection p50 ms, / direct",
    "failed",
    "load by",
    "load",
  ]);
}

function startTable({ start }: Report): string[] {
  const rows = start.map((row): Cell[] => [
    row.mappings,
    row.form,
    row.from,
    row.ready.n,
    spread(row.ready),
    spread(row.firstRequest),
    row.loadAverage[0] ?? 0,
  ]);
  return section("start, ms (p50 / p90 / max)", rows, [
    "Mappings",
    "form",
    "from",
    "N",
    "ready",
    "first request",
    "load",
  ]);
}

function section(title: string, rows: readonly Cell[][], head: readonly string[]): string[] {
  if (rows.length === 0) return [];
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return [
    `\n${title}`,
    ...lines.map((line) => `  ${line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  ")}`),
  ];
}
