/** When a child that ended is started again. */

export interface BackOffOptions {
  /** The longest wait. */
  readonly maxMs: number;
  /** A child that lived this long starts afresh: its end is not one of a series. */
  readonly resetAfterMs: number;
}

export interface BackOffState {
  /** Ends in a row. */
  readonly failures: number;
}

export const noFailures: BackOffState = { failures: 0 };

const firstWaitMs = 100;

/** At once the first time (a crash that happens once in a month costs nobody anything), then 0.1 s, 0.2 s, ... up to the longest. */
export function restartDelay(
  state: BackOffState,
  livedMs: number,
  { maxMs, resetAfterMs }: BackOffOptions,
): readonly [BackOffState, delayMs: number] {
  const failures = livedMs >= resetAfterMs ? 0 : state.failures;
  const delayMs = failures === 0 ? 0 : Math.min(maxMs, firstWaitMs * 2 ** (failures - 1));
  return [{ failures: failures + 1 }, delayMs];
}
