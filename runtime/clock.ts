/** Time as an argument, so that tests of back-off need not wait for it. */
export interface Clock {
  /** Milliseconds that only go forward; the origin means nothing. */
  now(): number;
  /** Calls `action` once after `delayMs`; the result cancels it. */
  setTimer(delayMs: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when the signal aborts: the caller looks at the signal, nothing is thrown. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.setTimer(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
