/** Whether anything grew: of samples that were each taken where the same things had come and gone. */
import { quantile, rounded } from "../bench/statistics.ts";
import { countNames, levelNames, memoryNames, roles, type Sample } from "./sample.ts";
import type { Progress } from "./traffic.ts";

/** Of a run. */
export interface Outcome {
  readonly samples: readonly Sample[];
  readonly traffic: Progress;
  /** Changes that did not come into force, and what else went wrong. */
  readonly failures: readonly string[];
  readonly envoyRestarts: number;
  readonly controlPlaneRestarts: number;
  /** How often the Envoy that serves refused something. */
  readonly rejections: number;
}

export interface Row {
  readonly name: string;
  readonly unit: "MB" | "";
  readonly first: number;
  /** Medians of the quarters of the run. */
  readonly quarters: readonly number[];
  readonly last: number;
  /** From the third to the fourth quarter. */
  readonly growthPercent: number;
  readonly judged: "flat" | "grew" | "differs" | "not judged";
}

export interface Verdict {
  readonly rows: readonly Row[];
  /** Why it is not flat; empty: it is. */
  readonly reasons: readonly string[];
  /** Memory is judged only where a run is long enough. */
  readonly isMemoryJudged: boolean;
}

/** Less says more of when the garbage was collected last than of what is kept. */
export const memoryFromMinutes = 10;
export const mostGrowthPercent = 5;
/** Connections that are made at the moment of a sample, and the like. */
const levelSlack = 6;
/** Pools have as many as were needed at once in the last seconds: some for each of twenty clusters. */
const poolSlack = 20;

export function judge(outcome: Outcome): Verdict {
  const { samples, traffic, failures } = outcome;
  const minutes = ((samples.at(-1)?.atSeconds ?? 0) - (samples[0]?.atSeconds ?? 0)) / 60;
  const isMemoryJudged = minutes >= memoryFromMinutes && samples.length >= 20;
  const rows = [
    ...memoryRows(samples, isMemoryJudged),
    ...levelRows(samples),
    ...countNames.map((name) => countRow(name, samples)),
  ];
  const happened: readonly (readonly [number, string])[] = [
    [traffic.lost, "requests lost"],
    [outcome.envoyRestarts, "restarts of Envoy"],
    [outcome.controlPlaneRestarts, "restarts of the control plane"],
    [outcome.rejections, "refusals by the Envoy that serves"],
  ];
  const reasons = [
    ...rows.flatMap(reasonOf),
    ...happened.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])),
    ...failures,
    ...(samples.length < 2 ? ["no two samples to compare: it ended in its first cycles"] : []),
  ];
  return { rows, reasons, isMemoryJudged };
}

function memoryRows(samples: readonly Sample[], isJudged: boolean): readonly Row[] {
  const judgeGrowth = (row: Row): Row["judged"] =>
    !isJudged ? "not judged" : row.growthPercent > mostGrowthPercent ? "grew" : "flat";
  const rss = roles.map((role) => row(`RSS of ${role}`, "MB", samples, (each) => each.processes[role]?.rssMb));
  // The heap's size says when it was collected last, and so it is shown and not judged.
  const inside = memoryNames.map((name) => row(name, "MB", samples, (each) => each.memoryMb[name]));
  return [...rss, ...inside].map((each) => ({
    ...each,
    judged: each.name === "Node heap" ? "not judged" : judgeGrowth(each),
  }));
}

/** File descriptors and the like: a few more or less at any moment, but no more at the end than at the beginning. */
function levelRows(samples: readonly Sample[]): readonly Row[] {
  const rows = [
    ...roles.flatMap((role) => [
      row(`descriptors of ${role}`, "", samples, (each) => each.processes[role]?.descriptors),
      row(`threads of ${role}`, "", samples, (each) => each.processes[role]?.threads),
    ]),
    ...levelNames.map((name) => row(name, "", samples, (each) => each.levels[name])),
  ];
  return rows.map((each) => {
    const grewBy = (each.quarters.at(-1) ?? 0) - (each.quarters[0] ?? 0);
    const isPool = each.name === "connections to services" || each.name === "descriptors of Envoy";
    return { ...each, judged: grewBy > (isPool ? poolSlack : levelSlack) ? "grew" : "flat" };
  });
}

/** It need not be the same at each sample, as a slow machine may let go late, but it must come back. */
function countRow(name: (typeof countNames)[number], samples: readonly Sample[]): Row {
  const made = row(name, "", samples, (each) => each.counts[name]);
  const lastQuarter = quartersOf(samples).at(-1) ?? [];
  const comesBack = lastQuarter.some(({ counts }) => counts[name] === made.first);
  return { ...made, judged: comesBack || samples.length === 0 ? "flat" : made.last > made.first ? "grew" : "differs" };
}

function row(
  name: string,
  unit: Row["unit"],
  samples: readonly Sample[],
  valueOf: (sample: Sample) => number | undefined,
): Row {
  const values = (some: readonly Sample[]) => some.map(valueOf).filter((value) => value !== undefined);
  const all = values(samples);
  const quarters = quartersOf(samples).map((some) => rounded(quantile(values(some), 0.5) || 0));
  const [, , third = 0, fourth = 0] = quarters;
  return {
    name,
    unit,
    first: all[0] ?? 0,
    quarters,
    last: all.at(-1) ?? 0,
    growthPercent: third === 0 ? 0 : Math.round((fourth / third - 1) * 1000) / 10,
    judged: "not judged",
  };
}

/** Of as many samples each; of few samples the same one may stand in two. */
function quartersOf(samples: readonly Sample[]): readonly (readonly Sample[])[] {
  const { length } = samples;
  return [0, 1, 2, 3].map((quarter) => {
    const from = Math.floor((quarter * length) / 4);
    return samples.slice(from, Math.max(from + 1, Math.floor(((quarter + 1) * length) / 4)));
  });
}

function reasonOf({ name, unit, judged, first, last, quarters, growthPercent }: Row): readonly string[] {
  if (judged === "flat" || judged === "not judged") return [];
  const [one = 0, , third = 0, fourth = 0] = quarters;
  if (unit === "MB") return [`${name} grew by ${growthPercent} %, from ${third} to ${fourth} MB`];
  if (judged === "differs") return [`${name}: ${last} at the end, ${first} at the beginning`];
  return [`${name} grew from ${Math.min(one, first)} to ${last}`];
}
