/** The name that was probably meant; undefined where none is near. Case, _ and - do not count: timeoutMs finds timeout_ms. */
export function nearest(written: string, names: Iterable<string>): string | undefined {
  const wanted = bare(written);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const found = distance(wanted, bare(name), bestDistance);
    if (found < bestDistance) {
      best = name;
      bestDistance = found;
    }
  }
  return best;
}

/** The one name that can only have been meant: at most one letter from it, and from no other. */
export function surely(written: string, names: Iterable<string>): string | undefined {
  const wanted = bare(written);
  if (wanted.length < SHORTEST_SURE) return undefined;
  const near = [...names].filter((name) => editDistance(wanted, bare(name)) <= 1);
  return near.length === 1 ? near[0] : undefined;
}

/** Of three letters, one is too much to guess. */
const SHORTEST_SURE = 4;

function bare(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** Unit suffixes that authors forget cost one edit, whatever their length. */
const suffixes = ["ms"];

function distance(a: string, b: string, limit: number): number {
  for (const suffix of suffixes) {
    if (b === a + suffix) return 1;
  }
  if (Math.abs(a.length - b.length) >= limit || a.length > 80) return limit;
  return editDistance(a, b);
}

/** Edits (insert, remove, replace, swap of neighbours) from one text to the other: optimal string alignment. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
