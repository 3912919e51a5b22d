import { describe, expect, it } from "@jest/globals";
import type { Change, Verdict } from "../../insight/admit.ts";
import { createJudge, type JudgeOptions } from "../../runtime/admission/judge.ts";
import { systemClock } from "../../runtime/clock.ts";
import { listener, mapping, object } from "./reviews.ts";
import { put, settings, storeWith } from "./state.ts";

const create = (candidate: unknown): Change => ({ kind: "create", object: candidate });

function judgeOf(options: Partial<JudgeOptions> = {}, ...others: readonly unknown[]) {
  const store = storeWith(...others);
  const compiled: number[] = [];
  const judge = createJudge({
    settings,
    resources: () => store.resources(),
    synced: () => true,
    clock: systemClock,
    onCompiled: (seconds) => compiled.push(seconds),
    ...options,
  });
  return { store, compiled, judge };
}

describe("the judge", () => {
  it("judges by schema alone until the state is known, and says so", async () => {
    const { judge, compiled } = judgeOf({ synced: () => false });
    const { allowed, warnings } = await judge.judge(create(mapping("m", { resolver: "nope" })));
    expect(allowed).toBe(true);
    expect(warnings).toEqual([expect.stringContaining("the state of the cluster has not been read yet")]);
    expect((await judge.judge(create(mapping("m", { timeout_ms: "x" })))).allowed).toBe(false);
    expect(compiled).toEqual([]);
  });

  it("compiles one change at a time and lets other work in between", async () => {
    const { judge } = judgeOf();
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    const verdicts = await Promise.all(Array.from({ length: 50 }, (_, i) => judge.judge(create(mapping(`m${i}`)))));
    running = false;
    expect(verdicts.every(({ allowed }) => allowed)).toBe(true);
    expect(turns).toBeGreaterThanOrEqual(50);
    expect(judge.waiting()).toBe(0);
  });

  it("queues no more than it can answer in time: the rest is judged by schema alone, and told", async () => {
    const { judge, compiled } = judgeOf({ maxWaiting: 3 });
    const wrong = () => judge.judge(create(mapping("m", { service: "ftp://x" })));
    const verdicts: Verdict[] = await Promise.all(Array.from({ length: 10 }, wrong));
    expect(verdicts.filter(({ allowed }) => !allowed)).toHaveLength(3);
    expect(
      verdicts.filter(({ warnings }) => warnings.some((text) => text.includes("too many changes came at once"))),
    ).toHaveLength(7);
    expect(compiled).toHaveLength(3);
    expect((await wrong()).allowed).toBe(false);
  });

  it("compiles nothing for a change that has waited too long", async () => {
    let now = 0;
    const clock = { ...systemClock, now: () => (now += 3000) };
    const { judge, compiled } = judgeOf({ clock, maxWaitMs: 7000 });
    const verdicts = await Promise.all([judge.judge(create(mapping("a"))), judge.judge(create(mapping("b")))]);
    expect(verdicts.map(({ warnings }) => warnings.length)).toEqual([0, 1]);
    expect(compiled).toHaveLength(1);
  });

  it("looks again at a denial for want of another object, which the watch may tell of a moment later", async () => {
    const { judge, store } = judgeOf();
    const verdict = judge.judge(create(mapping("m", { resolver: "mine" })));
    setTimeout(() => put(store, object("KubernetesEndpointResolver", "mine", {})), 10);
    expect(await verdict).toMatchObject({ allowed: true, warnings: [] });
    const conflict = judge.judge(create(listener("new", 8080)));
    setTimeout(() => store.remove("Listener", "default", "web"), 10);
    expect((await conflict).allowed).toBe(true);
  });

  it("denies at once what no other object could put right", async () => {
    const { judge } = judgeOf({ confirmAfterMs: [100_000] });
    expect((await judge.judge(create(mapping("m", { service: "ftp://x", resolver: "nope" })))).allowed).toBe(false);
  });

  it("passes a failure on and goes on", async () => {
    let broken = true;
    const { store } = judgeOf();
    const { judge } = judgeOf({
      resources() {
        if (broken) throw new Error("a bug");
        return store.resources();
      },
    });
    await expect(judge.judge(create(mapping("m")))).rejects.toThrow("a bug");
    broken = false;
    expect((await judge.judge(create(mapping("m")))).allowed).toBe(true);
  });
});
