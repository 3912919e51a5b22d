import { createChecker } from "../../compile/compile.ts";
import { admitBySchema, type Change, createAdmit, inDoubt, type Verdict } from "../../insight/admit.ts";
import type { Resources } from "../../crds/resources.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { type Clock, sleep } from "../clock.ts";
import type { Verdicts } from "../validator/verdicts.ts";

export interface JudgeOptions {
  readonly settings: CompileSettings;
  readonly resources: () => Resources;
  /** The first complete state is there. */
  readonly synced: () => boolean;
  /** Why the state may be older than what the API server has; undefined: it is not. */
  readonly behind?: () => string | undefined;
  readonly clock: Clock;
  /** Changes that may wait for their turn; beyond that they are judged by their schema alone. */
  readonly maxWaiting?: number;
  /** A change that has waited longer gets a quick answer: the API server is about to give up on it. */
  readonly maxWaitMs?: number;
  /** When a denial that rests on other objects is looked at again. */
  readonly confirmAfterMs?: readonly number[];
  /** Who judges what only Envoy can; without it that is left to the gateway. */
  readonly verdicts?: Verdicts | undefined;
  /** Time that one compile took. */
  readonly onCompiled?: (seconds: number) => void;
}

export interface Judge {
  judge(change: Change): Promise<Verdict>;
  /** Changes that wait for their turn. */
  waiting(): number;
}

interface Entry {
  readonly change: Change;
  readonly sinceMs: number;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: unknown) => void;
}

/** Judges one change at a time; between two of them the process does its other work: the watch, probes, other connections. */
export function createJudge(options: JudgeOptions): Judge {
  const { settings, resources, synced, behind = () => undefined, clock, onCompiled = () => undefined } = options;
  // `kubectl apply` of two files: the watch tells us of the first some milliseconds after kubectl knows that it is stored.
  const { maxWaiting = 128, maxWaitMs = 4000, confirmAfterMs = [20, 40] } = options;
  const admit = createAdmit(createChecker, options.verdicts?.judge);
  const queue: Entry[] = [];
  let running = false;

  function bySchema(change: Change, because: string): Verdict {
    return admitBySchema(change, settings.ambassadorId, because);
  }

  function run(): void {
    const entry = queue.shift();
    running = entry !== undefined;
    if (entry === undefined) return;
    const startedMs = clock.now();
    try {
      if (startedMs - entry.sinceMs > maxWaitMs) entry.resolve(bySchema(entry.change, "too many changes came at once"));
      else {
        entry.resolve(admit(entry.change, resources(), settings));
        onCompiled((clock.now() - startedMs) / 1000);
      }
    } catch (error) {
      entry.reject(error);
    }
    setImmediate(run);
  }

  function compiled(change: Change): Promise<Verdict> {
    if (queue.length >= maxWaiting) return Promise.resolve(bySchema(change, "too many changes came at once"));
    return new Promise((resolve, reject) => {
      queue.push({ change, sinceMs: clock.now(), resolve, reject });
      if (running) return;
      running = true;
      setImmediate(run);
    });
  }

  /** With what Envoy says of the candidate's contents. */
  async function judged(change: Change): Promise<Verdict> {
    const verdict = await compiled(change);
    if (verdict.unjudged === undefined || options.verdicts === undefined) return verdict;
    await options.verdicts.ask(verdict.unjudged);
    return compiled(change);
  }

  return {
    waiting: () => queue.length,
    async judge(change) {
      if (!synced()) return bySchema(change, "the state of the cluster has not been read yet");
      let seen = resources();
      let verdict = await judged(change);
      for (const delayMs of confirmAfterMs) {
        if (verdict.allowed || !verdict.mayPass) break;
        await sleep(clock, delayMs);
        if (resources() === seen) continue;
        seen = resources();
        verdict = await judged(change);
      }
      const because = behind();
      return verdict.mayPass && because !== undefined ? inDoubt(change, verdict, because) : verdict;
    },
  };
}
