import { widthOf } from "./colour.ts";

const GAP = "   ";

/**
 * Rows under their headings, each column as wide as its widest cell, in kubectl's manner. Cells may be painted.
 * Nothing but the headings when there are no rows. Ends with a line break.
 */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
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

function padded(cell: string, width: number): string {
  return cell + " ".repeat(width - widthOf(cell));
}
