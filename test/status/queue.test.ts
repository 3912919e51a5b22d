import { describe, expect, it } from "@jest/globals";
import type { Clock } from "../../runtime/clock.ts";
import { writeQueue } from "../../runtime/status/queue.ts";

/** A clock that goes on when it is told to. */
function handClock(): Clock & { advance(ms: number): Promise<void> } {
  let now = 0;
  let timers: { readonly atMs: number; readonly action: () => void }[] = [];
  return {
    now: () => now,
    setTimer(delayMs, action) {
      const timer = { atMs: now + delayMs, action };
      timers.push(timer);
      return () => (timers = timers.filter((each) => each !== timer));
    },
    async advance(ms) {
      const until = now + ms;
      for (;;) {
        await new Promise(setImmediate);
        const [next] = timers.filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers = timers.filter((each) => each !== next);
        now = Math.max(now, next.atMs);
        next.action();
      }
      now = until;
    },
  };
}

const ended = new AbortController();

function start(restMs: () => number = () => 0) {
  const clock = handClock();
  const done: string[] = [];
  const work = (item: string) => {
    done.push(item);
    return Promise.resolve(restMs());
  };
  const queue = writeQueue<string>({ work, perSecond: 10, burst: 5, parallel: 2, clock, signal: ended.signal });
  return { clock, done, queue };
}

describe("the queue of writes", () => {
  it("writes a burst at once, and then so many a second", async () => {
    const { clock, done, queue } = start();
    for (let i = 0; i < 100; i++) queue.add(`m-${i}`);
    await clock.advance(0);
    expect(done).toHaveLength(5);
    await clock.advance(1000);
    expect(done.length).toBeGreaterThanOrEqual(14);
    expect(done.length).toBeLessThanOrEqual(15);
    await clock.advance(10_000);
    expect(new Set(done).size).toBe(100);
    expect(done).toHaveLength(100);
  });

  it("writes the newest first", async () => {
    const { clock, done, queue } = start();
    for (let i = 0; i < 50; i++) queue.add(`m-${i}`);
    await clock.advance(1000);
    const before = done.length;
    queue.add("single");
    await clock.advance(100);
    expect(done.slice(before)).toContain("single");
  });

  it("has an object once, however often it is added", async () => {
    const { clock, done, queue } = start();
    for (let i = 0; i < 20; i++) queue.add(`m-${i}`);
    for (let i = 0; i < 20; i++) queue.add("m-19");
    await clock.advance(10_000);
    expect(done.filter((each) => each === "m-0")).toHaveLength(1);
    expect(queue.size()).toBe(0);
  });

  it("rests when it is told to", async () => {
    const { clock, done, queue } = start(() => 5000);
    for (let i = 0; i < 20; i++) queue.add(`m-${i}`);
    await clock.advance(4000);
    // What was under way, and no more.
    expect(done).toHaveLength(2);
    await clock.advance(1500);
    expect(done.length).toBeGreaterThan(2);
  });
});
