import { type FreeJudge, freeJudge, verdictMemory } from "../../compile/verdicts.ts";
import { accepted, type FreeContent, type FreeUse, type Verdict } from "../../ir/free-content.ts";
import { type Clock, systemClock } from "../clock.ts";
import { undecidedContents } from "./undecided.ts";
import type { Validator } from "./validator.ts";

/** The compiler's judgement and Envoy's. */
export interface Verdicts {
  readonly judge: FreeJudge;
  /** Resolves when what it was asked about is known. */
  ask(uses: readonly FreeUse[]): Promise<void>;
  /**
   * From now on what Envoy did not get over is asked about again while it is in use, after what is new. Without this, it is asked
   * about when it is judged again after its pause.
   * @param onDecided the last judgement may be another by now
   * @returns ends it
   */
  keepAsking(onDecided: () => void): () => void;
}

export interface VerdictOptions {
  /** Whether files here are those of the gateway: elsewhere nothing is said of them. Default: gateway. */
  readonly where?: "gateway" | "elsewhere";
  /** The validator could not be asked, and why. */
  readonly onUnjudged?: (reason: string) => void;
  readonly clock?: Clock;
}

/**
 * What the validator cannot be asked about passes: the gateway's Envoy refuses it itself, and keeps what it had.
 * @param validator undefined: nobody is asked
 */
export function createVerdicts(validator: Validator | undefined, options: VerdictOptions = {}): Verdicts {
  const { where = "gateway", onUnjudged = () => undefined, clock = systemClock } = options;
  const memory = verdictMemory();
  const undecided = undecidedContents(clock);
  let inUse: readonly FreeContent[] = [];
  let onDecided: (() => void) | undefined;
  let isAsking = false;
  let cancel = () => {};

  function verdictOf(content: FreeContent): Verdict | undefined {
    if (where === "elsewhere" && content.kind === "logFile") return accepted;
    const known = memory.of(content);
    if (known !== undefined || (onDecided === undefined && undecided.pauseMs(content) <= 0)) return known;
    return undecided.verdictOf(content);
  }

  async function askAbout(contents: readonly FreeContent[]): Promise<void> {
    const answers = (await validator?.judge(contents)) ?? [];
    contents.forEach((content, index) => {
      const answer = answers[index];
      if (answer === undefined) return;
      if (answer.kind === "undecided") return undecided.put(content, answer.reason);
      if (answer.kind === "unjudged") {
        onUnjudged(answer.reason);
        // It may be what no Envoy gets over: it does not go to the one that serves because this one cannot be asked.
        const before = undecided.verdictOf(content);
        if (before?.kind === "undecided") return undecided.put(content, before.reason);
      }
      undecided.decided(content);
      memory.put(content, answer.kind === "unjudged" ? accepted : answer);
    });
  }

  function lookAfter(contents: readonly FreeContent[]): void {
    inUse = contents;
    cancel();
    if (onDecided === undefined || isAsking || contents.length === 0) return;
    const pauseMs = Math.min(...contents.map(undecided.pauseMs));
    cancel = clock.setTimer(Math.max(0, pauseMs), () => void askAgain());
  }

  async function askAgain(): Promise<void> {
    isAsking = true;
    // One by one: what is new meanwhile waits for one of them at most.
    for (const content of inUse.filter((each) => undecided.pauseMs(each) <= 0)) await askAbout([content]);
    isAsking = false;
    if (inUse.some((content) => undecided.verdictOf(content) === undefined)) onDecided?.();
    lookAfter(inUse.filter((content) => undecided.verdictOf(content) !== undefined));
  }

  const judge = freeJudge(validator === undefined ? () => accepted : verdictOf);
  return {
    judge(...state) {
      const judged = judge(...state);
      lookAfter(judged.undecided.map(({ content }) => content));
      return judged;
    },
    ask: (uses) => askAbout(uses.map(({ content }) => content)),
    keepAsking(listener) {
      onDecided = listener;
      return () => {
        onDecided = undefined;
        cancel();
      };
    },
  };
}
