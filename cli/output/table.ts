import { widthOf } from "./colour.ts";

const GAP = "   ";
/** So much of the last column is always shown. */
const LEAST = 20;

/**
 * Rows under their headings, each column as wide as its widest cell, in kubectl's manner. Cells may be painted.
 * Nothing but the headings when there are no rows. Ends with a line break.
 * @param columns of the terminal, to which the last column is cut where it is long text; undefined: nothing is cut
 */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], columns?: number): string {
  const whole = [headings, ...rows];
  const last = headings.length - 1;
  const before = headings
    .slice(0, last)
    .map((_, column) => Math.max(...whole.map((row) => widthOf(row[column] ?? ""))));
  const left = Math.max(LEAST, (columns ?? Infinity) - before.reduce((sum, width) => sum + width + GAP.length, 0));
  const all = whole.map((row) => row.map((cell, column) => (column === last ? cut(cell, left) : cell)));
  const widths = headings.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ""))));
  return all
    .map((row) =>
      widths
        .map((width, column) => padded(row[column] ?? "", width))
        .join(GAP)
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** Painted texts are short, and stay. */
function cut(cell: string, width: number): string {
  return widthOf(cell) <= width || widthOf(cell) !== cell.length ? cell : `${cell.slice(0, width - 3)}...`;
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(width - widthOf(cell));
}
