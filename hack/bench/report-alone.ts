/** Tables of what is measured without a gateway. */
import type { Report } from "./report.ts";
import { type Cell, middle, section, short, spread, where } from "./text-table.ts";

export function compileTable({ compile }: Report): string[] {
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

export function mixedTable({ mixed }: Report): string[] {
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

export function filesTable({ files }: Report): string[] {
  const rows = files.map((row): Cell[] => [
    row.files,
    spread(row.checkMs),
    spread(row.planMs),
    row.loadAverage[0] ?? 0,
  ]);
  return section("files, ms of a process (p50 / p90 / max)", rows, ["files", "check", "plan", "load"]);
}

export function explainTable({ explain }: Report): string[] {
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
