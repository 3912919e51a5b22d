import { accepted, type FreeContent, type Verdict } from "../../ir/free-content.ts";
import { type Harness, harnessOf } from "../../xds/resources/harness.ts";
import { noFailures, restartDelay } from "../back-off.ts";
import { type Outcome, type ProcessOptions, ValidatorProcess } from "./process.ts";

export type Answer = Verdict | { readonly kind: "unjudged"; readonly reason: string };

export interface ValidatorOptions extends ProcessOptions {
  /** How long it stays when there is nothing to judge. */
  readonly idleMs?: number;
  /** How long Envoy may take for contents, and then for one that may be what it does not get over. */
  readonly answerMs?: number;
  readonly aloneMs?: number;
}

/** Asks an Envoy that serves nobody. There is a process only while there is something to judge, and for a while after. */
export interface Validator {
  /** Never rejects; in the order of the contents. */
  judge(contents: readonly FreeContent[]): Promise<readonly Answer[]>;
  readonly pid: number | undefined;
  close(): Promise<void>;
}

/** Certificates come in rows, one for each Host: who waits ten minutes for the next waits 0.1 s for it, and 20 MB are free meanwhile. */
const IDLE_MS = 600_000;
const ANSWER_MS = 2000;
const ALONE_MS = 4000;
const MOST_AT_ONCE = 100;
const startBackOff = { maxMs: 10_000, resetAfterMs: Infinity };

interface Item {
  readonly harness: Harness;
  readonly answer: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  /** How often Envoy did not get over a question that this was part of. */
  failures: number;
}

export function createValidator(options: ValidatorOptions): Validator {
  const { clock, log, idleMs = IDLE_MS, answerMs = ANSWER_MS, aloneMs = ALONE_MS } = options;
  const envoy = new ValidatorProcess(options);
  const items = new Map<string, Item>();
  let waiting: Item[] = [];
  let working = false;
  let closed = false;
  let startFailures = noFailures;
  let noStartUntilMs = -Infinity;
  let whyNotStarted = "";
  let cancelIdle = () => {};

  function settle(item: Item, answer: Answer): void {
    items.delete(item.harness.resource.name);
    item.resolve(answer);
  }

  /** One whose turn comes after a failure is alone, so that it is known which one it was, and after those that have not failed. */
  function take(): readonly Item[] {
    const fresh = waiting.filter(({ failures }) => failures === 0).slice(0, MOST_AT_ONCE);
    if (fresh.length === 0) return waiting.splice(0, 1);
    const taken = new Set(fresh);
    waiting = waiting.filter((item) => !taken.has(item));
    return fresh;
  }

  function giveUp(reason: string): void {
    for (const item of waiting.splice(0)) settle(item, { kind: "unjudged", reason });
  }

  function conclude(batch: readonly Item[], outcome: Outcome): void {
    switch (outcome.kind) {
      case "answered":
        startFailures = noFailures;
        for (const item of batch) {
          const message = outcome.refused.get(item.harness.resource.name);
          settle(item, message === undefined ? accepted : { kind: "refused", message });
        }
        return;
      case "notStarted": {
        const [next, delayMs] = restartDelay(startFailures, 0, startBackOff);
        startFailures = next;
        noStartUntilMs = clock.now() + delayMs;
        whyNotStarted = `the Envoy that judges does not start: ${outcome.reason}`;
        log.warn("contents go to Envoy unjudged: what it refuses keeps its last good version", {
          reason: whyNotStarted,
          contents: batch.length + waiting.length,
        });
        waiting = [...batch, ...waiting];
        return giveUp(whyNotStarted);
      }
      case "ended":
      case "silent": {
        const what = outcome.kind === "ended" ? `Envoy ${outcome.how}` : `Envoy said nothing for ${outcome.afterMs} ms`;
        log.info("the Envoy that judges did not get over a question; asking a new one", {
          what,
          contents: batch.length,
        });
        for (const item of batch) item.failures++;
        // It may have been killed for another reason: only who was alone with it may be to blame.
        const [only] = batch;
        if (batch.length === 1 && only !== undefined && only.failures > 1)
          return settle(only, { kind: "undecided", reason: `${what} when it was to read it` });
        waiting = [...batch, ...waiting];
      }
    }
  }

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    cancelIdle();
    while (waiting.length > 0 && !closed) {
      if (envoy.pid === undefined && clock.now() < noStartUntilMs) {
        giveUp(whyNotStarted);
        break;
      }
      const batch = take();
      const isAlone = batch.length === 1 && batch[0]?.failures !== 0;
      conclude(
        batch,
        await envoy.ask(
          batch.map(({ harness }) => harness),
          isAlone ? aloneMs : answerMs,
        ),
      );
    }
    working = false;
    if (closed) return giveUp("the gateway stops");
    cancelIdle = clock.setTimer(idleMs, () => envoy.end());
  }

  function itemOf(content: FreeContent): Item {
    const harness = harnessOf(content);
    const { name } = harness.resource;
    const known = items.get(name);
    if (known !== undefined) return known;
    let resolve: Item["resolve"] = () => {};
    const answer = new Promise<Answer>((done) => (resolve = done));
    const item: Item = { harness, answer, resolve, failures: 0 };
    items.set(name, item);
    waiting.push(item);
    return item;
  }

  return {
    judge(contents) {
      const asked = contents.map(itemOf);
      void work();
      return Promise.all(asked.map(({ answer }) => answer));
    },
    get pid() {
      return envoy.pid;
    },
    async close() {
      closed = true;
      cancelIdle();
      giveUp("the gateway stops");
      await envoy.close();
    },
  };
}
