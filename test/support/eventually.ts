import { setTimeout as sleep } from "node:timers/promises";

export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** What `probe` gives once it gives something (neither undefined, null nor false). Throws after `timeoutMs`, with the probe's last error. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  { timeoutMs = 15_000, everyMs = 10 }: EventuallyOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const endsAt = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false)
        return value as Exclude<T, undefined | null | false>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= endsAt) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
    await sleep(everyMs);
  }
}
