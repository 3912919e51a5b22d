import type { Clock } from "../clock.ts";

export interface QueueOptions<T> {
  /** Resolves with how long all writes are to rest: 0 when there is no reason. Must not reject. */
  readonly work: (item: T) => Promise<number>;
  readonly perSecond: number;
  /** So many at once after quiet. */
  readonly burst: number;
  readonly parallel: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface WriteQueue<T> {
  /** Does nothing for one that waits already: what is to be written is worked out when its turn has come. */
  add(item: T): void;
  clear(): void;
  size(): number;
}

/** Writes at a limited rate, the newest first: one change after a burst of thousands need not wait for them. */
export function writeQueue<T>(options: QueueOptions<T>): WriteQueue<T> {
  const { work, perSecond, burst, parallel, clock, signal } = options;
  const waiting = new Set<T>();
  const stack: T[] = [];
  const busy = new Set<T>();
  let tokens = burst;
  let countedAtMs = clock.now();
  let restUntilMs = 0;
  let cancel: (() => void) | undefined;

  function refill(): void {
    const now = clock.now();
    tokens = Math.min(burst, tokens + ((now - countedAtMs) / 1000) * perSecond);
    countedAtMs = now;
  }

  function next(): T | undefined {
    const held: T[] = [];
    let found: T | undefined;
    while (found === undefined && stack.length > 0) {
      const item = stack.pop() as T;
      if (!waiting.has(item)) continue;
      // Two writes of one object must not overtake each other.
      if (busy.has(item)) held.push(item);
      else found = item;
    }
    stack.push(...held);
    if (found !== undefined) waiting.delete(found);
    return found;
  }

  async function run(item: T): Promise<void> {
    busy.add(item);
    const restMs = await work(item);
    if (restMs > 0) restUntilMs = Math.max(restUntilMs, clock.now() + restMs);
    busy.delete(item);
    go();
  }

  function go(): void {
    cancel?.();
    cancel = undefined;
    if (signal.aborted) return;
    refill();
    const restMs = restUntilMs - clock.now();
    if (restMs > 0) return later(restMs);
    while (busy.size < parallel && tokens >= 1) {
      const item = next();
      if (item === undefined) return;
      tokens--;
      void run(item);
    }
    if (tokens < 1 && waiting.size > 0) later(((1 - tokens) / perSecond) * 1000);
  }

  function later(delayMs: number): void {
    cancel = clock.setTimer(Math.max(1, delayMs), go);
  }

  return {
    add(item) {
      if (waiting.has(item)) return;
      waiting.add(item);
      stack.push(item);
      go();
    },
    clear() {
      waiting.clear();
      stack.length = 0;
    },
    size: () => waiting.size,
  };
}
