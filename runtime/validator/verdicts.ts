import { type FreeJudge, freeJudge, verdictMemory } from "../../compile/verdicts.ts";
import { accepted, type FreeContent, type FreeUse } from "../../ir/free-content.ts";
import type { Validator } from "./validator.ts";

/** The compiler's judgement and Envoy's. */
export interface Verdicts {
  readonly judge: FreeJudge;
  /** Resolves when what it was asked about is known. */
  ask(uses: readonly FreeUse[]): Promise<void>;
}

export interface VerdictOptions {
  /** Whether files here are those of the gateway: elsewhere nothing is said of them. Default: gateway. */
  readonly where?: "gateway" | "elsewhere";
  /** The validator could not be asked, and why. */
  readonly onUnjudged?: (reason: string) => void;
}

/**
 * What the validator cannot be asked about passes: the gateway's Envoy refuses it itself, and keeps what it had.
 * @param validator undefined: nobody is asked
 */
export function createVerdicts(validator: Validator | undefined, options: VerdictOptions = {}): Verdicts {
  const { where = "gateway", onUnjudged = () => undefined } = options;
  const memory = verdictMemory();
  const verdictOf = (content: FreeContent) =>
    where === "elsewhere" && content.kind === "logFile" ? accepted : memory.of(content);
  return {
    judge: freeJudge(validator === undefined ? () => accepted : verdictOf),
    async ask(uses) {
      const contents = uses.map(({ content }) => content);
      const answers = (await validator?.judge(contents)) ?? [];
      contents.forEach((content, index) => {
        const answer = answers[index];
        if (answer?.kind === "unjudged") onUnjudged(answer.reason);
        if (answer !== undefined) memory.put(content, answer.kind === "unjudged" ? accepted : answer);
      });
    },
  };
}
