/** Whether the API server answers at all: one fact for all kinds, so it is said once, and who waits for it is woken at once. */

import type { Log } from "../log.ts";

export interface Reachability {
  /** Something was answered, whatever it was. */
  up(): void;
  /** `who` got no answer. True for the one that asks often on behalf of all: when it succeeds the others are woken. */
  down(reason: string, who: object): boolean;
  /** Calls `wake` once when the API server answers again; the result cancels. */
  onUp(wake: () => void): () => void;
}

export function reachability({ server, log, now }: { server: string; log: Log; now: () => number }): Reachability {
  const waiting = new Set<() => void>();
  let downSince: number | undefined;
  let prober: object | undefined;
  return {
    up() {
      if (downSince === undefined) return;
      log.info(`the API server ${server} answers again after ${((now() - downSince) / 1000).toFixed(1)} s`);
      downSince = prober = undefined;
      const woken = [...waiting];
      waiting.clear();
      for (const wake of woken) wake();
    },
    down(reason, who) {
      if (downSince === undefined) {
        downSince = now();
        prober = who;
        log.warn(`the API server ${server} cannot be reached (${reason}); waiting for it, what is live stays live`);
      }
      return prober === who;
    },
    onUp(wake) {
      waiting.add(wake);
      return () => waiting.delete(wake);
    },
  };
}
