import { setTimeout as delay } from "node:timers/promises";

/** Resolves with the first value that is not undefined or false; fails with `what` when none came in time. */
export async function eventually<T>(
  what: string,
  read: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 10_000,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > until) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(5);
  }
}
