/** Tables of figures, for people. */
import type { Distribution } from "./statistics.ts";

export type Cell = string | number;

export const short = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
export const spread = ({ p50, p90, max }: Distribution): string => `${short(p50)} / ${short(p90)} / ${short(max)}`;

export function section(title: string, rows: readonly Cell[][], head: readonly string[]): string[] {
  if (rows.length === 0) return [];
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return [
    `\n${title}`,
    ...lines.map((line) => `  ${line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  ")}`),
  ];
}

export const middle = ({ p50, p90 }: Distribution): string => `${short(p50)} / ${short(p90)}`;
export const where = ({ scheme, hosts }: { readonly scheme: string; readonly hosts: number }): string =>
  hosts === 1 ? scheme : `${hosts} ${scheme}`;
