import { short, section } from "../bench/text-table.ts";
import type { Machine, Versions } from "../bench/machine.ts";
import { memoryFromMinutes, type Outcome, type Row, type Verdict } from "./verdict.ts";

export interface Report {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly versions: Versions;
  readonly minutes: number;
  readonly cycles: number;
  readonly changes: number;
  /** Load averages of 1, 5 and 15 minutes at the end. */
  readonly loadAverage: readonly number[];
  /** Of a core: the gateway's processes, and the harness's with its services. */
  readonly cores: { readonly gateway: number; readonly harness: number };
  readonly outcome: Outcome;
  readonly verdict: Verdict;
}

export function reportText(report: Report): string {
  const { outcome, verdict, machine, versions } = report;
  const requests = Object.values(outcome.traffic.requests).reduce((total, count) => total + count, 0);
  const lines = [
    `soak: ${report.minutes} minutes, ${report.cycles} cycles with ${report.changes} changes, ${report.startedAt}`,
    `${machine.cpus} x ${machine.model}, load average ${report.loadAverage.join(" ")}`,
    `${versions.nuncio}, Node ${versions.node}, Envoy ${versions.envoy}`,
    `cores used: ${short(report.cores.gateway)} by the gateway, ${short(report.cores.harness)} by requests and services`,
    ...section("Medians of each quarter of the run; growth from the third to the fourth", verdict.rows.map(cells), [
      "",
      "first",
      "1st",
      "2nd",
      "3rd",
      "4th",
      "last",
      "growth",
      "",
    ]),
    ...section("Requests", Object.entries(outcome.traffic.requests), ["stream", "requests"]),
    "",
    ...outcome.traffic.examples.map((line) => `lost: ${line}`),
    `${requests} requests, ${outcome.traffic.lost} lost`,
    ...(verdict.isMemoryJudged ? [] : [`memory is judged in runs of ${memoryFromMinutes} minutes or more`]),
    ...verdict.reasons.map((reason) => `not flat: ${reason}`),
    `verdict: ${verdict.reasons.length === 0 ? "flat" : "NOT FLAT"}`,
  ];
  return `${lines.join("\n")}\n`;
}

function cells({ name, unit, first, quarters, last, growthPercent, judged }: Row): (string | number)[] {
  const shown = (value: number) => (unit === "MB" ? short(value) : String(value));
  return [name, ...[first, ...quarters, last].map(shown), `${growthPercent} %`, judged];
}
