interface Change {
  readonly kind: " " | "-" | "+";
  readonly line: string;
}

const CONTEXT = 3;

/** What `diff -u` prints of two texts; empty where they are equal. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  const changes = changesOf(linesOf(before), linesOf(after));
  return [`--- ${name}`, `+++ ${name}`, ...hunksOf(changes), ""].join("\n");
}

function linesOf(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Mended texts differ in few places, by few lines: where they part, the nearest place at which they meet again is looked for. */
function changesOf(a: readonly string[], b: readonly string[]): readonly Change[] {
  const changes: Change[] = [];
  let [x, y] = [0, 0];
  while (x < a.length || y < b.length) {
    const [gone, come] = untilTheyMeet(a, x, b, y);
    for (const line of a.slice(x, x + gone)) changes.push({ kind: "-", line });
    for (const line of b.slice(y, y + come)) changes.push({ kind: "+", line });
    x += gone;
    y += come;
    while (x < a.length && y < b.length && a[x] === b[y]) {
      changes.push({ kind: " ", line: a[x] ?? "" });
      x++;
      y++;
    }
  }
  return changes;
}

/** How many lines of each to pass, as few together as possible, until both are at the same line, or at their ends. */
function untilTheyMeet(a: readonly string[], x: number, b: readonly string[], y: number): readonly [number, number] {
  for (let lines = 0; ; lines++) {
    for (let gone = Math.max(0, lines - (b.length - y)); gone <= Math.min(lines, a.length - x); gone++) {
      const come = lines - gone;
      // At the end of both it is undefined twice.
      if (a[x + gone] === b[y + come]) return [gone, come];
    }
  }
}

function hunksOf(changes: readonly Change[]): string[] {
  const lines: string[] = [];
  let [index, oldLine, newLine] = [0, 1, 1];
  const advance = ({ kind }: Change) => {
    if (kind !== "+") oldLine++;
    if (kind !== "-") newLine++;
  };
  while (index < changes.length) {
    const first = changes.findIndex(({ kind }, at) => at >= index && kind !== " ");
    if (first === -1) break;
    const start = Math.max(index, first - CONTEXT);
    for (const change of changes.slice(index, start)) advance(change);
    let end = first;
    // Hunks whose contexts meet are one.
    for (let at = first; at < changes.length && at <= end + 2 * CONTEXT; at++) if (changes[at]?.kind !== " ") end = at;
    const hunk = changes.slice(start, Math.min(changes.length, end + 1 + CONTEXT));
    const count = (...kinds: readonly string[]) => hunk.filter(({ kind }) => kinds.includes(kind)).length;
    // A side without lines is named by the line before it.
    const side = (line: number, lineCount: number) => `${lineCount === 0 ? line - 1 : line},${lineCount}`;
    lines.push(`@@ -${side(oldLine, count(" ", "-"))} +${side(newLine, count(" ", "+"))} @@`);
    lines.push(...hunk.map(({ kind, line }) => kind + line));
    for (const change of hunk) advance(change);
    index = start + hunk.length;
  }
  return lines;
}
