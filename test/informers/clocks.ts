import type { Clock } from "../../runtime/clock.ts";
import { systemClock } from "../../runtime/clock.ts";

/** Every wait is over at once and noted; those of `longMs` and more (a watch's guard) never end. */
export function impatientClock(longMs = 60_000): Clock & { readonly delaysMs: number[] } {
  const delaysMs: number[] = [];
  let now = 0;
  return {
    delaysMs,
    now: () => now,
    setTimer(delayMs, action) {
      if (delayMs >= longMs) return () => undefined;
      delaysMs.push(delayMs);
      now += delayMs;
      return systemClock.setTimer(1, action);
    },
  };
}

/** Time stands still for waits that begin while it is closed; they begin anew when it opens. */
export function gatedClock(): Clock & { close(): void; open(): void } {
  let held: (() => void)[] | undefined;
  return {
    now: systemClock.now,
    setTimer(delayMs, action) {
      if (held === undefined) return systemClock.setTimer(delayMs, action);
      let cancel = (): void => undefined;
      let cancelled = false;
      held.push(() => {
        if (!cancelled) cancel = systemClock.setTimer(delayMs, action);
      });
      return () => {
        cancelled = true;
        cancel();
      };
    },
    close() {
      held ??= [];
    },
    open() {
      const waits = held ?? [];
      held = undefined;
      for (const begin of waits) begin();
    },
  };
}
