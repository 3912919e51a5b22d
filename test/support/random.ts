/** A small seeded generator (mulberry32), so that a failing run can be repeated from its printed seed. */
export interface Random {
  /** 0 <= n < 1 */
  next(): number;
  /** 0 <= n < below */
  integer(below: number): number;
  pick<T>(items: readonly T[]): T;
  chance(probability: number): boolean;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (below: number) => Math.floor(next() * below);
  return {
    next,
    integer,
    pick: (items) => items[integer(items.length)] as (typeof items)[number],
    chance: (probability) => next() < probability,
  };
}

/** SEED, else one that differs from run to run: what CI once took it takes again. */
export function seedOfRun(): number {
  const { SEED: given, CI: ci } = process.env;
  if (given !== undefined) return Number(given);
  return ci === "true" ? 1 : Date.now() % 1_000_000;
}
