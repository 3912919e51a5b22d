/** How long to wait before the next attempt. */

import type { Clock } from "../clock.ts";

export interface BackOff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Doubles with each failure in a row (1 is the first), and lies between half of that and all of it, so that replicas which lost the
 *  API server together do not come back together. `random` is from 0 to 1. */
export function backOffMs(failures: number, { minMs, maxMs }: BackOff, random: number): number {
  if (failures <= 0) return 0;
  return Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + random / 2);
}

/** Resolves after `delayMs`, when the signal aborts, or when `onWake` calls its argument; nothing is thrown. */
export function pause(
  clock: Clock,
  delayMs: number,
  { signal, onWake }: { readonly signal: AbortSignal; readonly onWake?: (wake: () => void) => () => void },
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      cancelTimer();
      cancelWake?.();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancelTimer = clock.setTimer(delayMs, done);
    const cancelWake = onWake?.(done);
    signal.addEventListener("abort", done, { once: true });
  });
}
