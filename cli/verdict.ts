import { createCompiler } from "../compile/compile.ts";
import { errorText, FatalError } from "../runtime/fatal.ts";
import { type Log, silentLog } from "../runtime/log.ts";
import { temporaryValidator } from "../runtime/validator/temporary.ts";
import type { Validator } from "../runtime/validator/validator.ts";
import { createVerdicts } from "../runtime/validator/verdicts.ts";
import { findEnvoy } from "./assets.ts";
import { type CompiledState, stateOf } from "./state/compiled.ts";
import { inForceOf, refusalsOf } from "./state/served.ts";
import type { Environment } from "./state/state.ts";

/** An Envoy that judges, or undefined where there is no Envoy. It starts with the first question. */
export function validatorIfThere(env: Environment, log: Log): Validator | undefined {
  try {
    return temporaryValidator(findEnvoy(undefined, env), log);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    log.info("there is no Envoy here: what only Envoy can judge is left to the gateway", { reason: errorText(error) });
    return undefined;
  }
}

/**
 * With what Envoy says of contents that only Envoy can judge: as the gateway would say it. Where there are none, none is started.
 * @param note for people: what could not be judged
 */
export async function judgedState(
  compiled: CompiledState,
  env: Environment,
  note: (line: string) => void,
): Promise<CompiledState> {
  const contents = compiled.compiled.freeUses.filter(({ content }) => content.kind !== "logFile").length;
  if (contents === 0) return compiled;
  const validator = validatorIfThere(env, silentLog);
  if (validator === undefined) {
    note(unjudgedNote(contents, "there is no Envoy here; name one with NUNCIO_ENVOY=PATH"));
    return compiled;
  }
  try {
    let unanswered: string | undefined;
    const verdicts = createVerdicts(validator, { where: "elsewhere", onUnjudged: (reason) => (unanswered = reason) });
    const compiler = createCompiler();
    const { state } = compiled;
    const judge = () => verdicts.judge(compiler, state.resources, state.settings, inForceOf(state), refusalsOf(state));
    let result = judge();
    while (result.unjudged.length > 0) {
      await verdicts.ask(result.unjudged);
      result = judge();
    }
    if (unanswered !== undefined) note(unjudgedNote(contents, unanswered));
    return stateOf(state, result.judged);
  } finally {
    await validator.close();
  }
}

function unjudgedNote(contents: number, why: string): string {
  const what = `${contents} ${contents === 1 ? "content" : "contents"} that only Envoy can judge`;
  return `note: ${what} (scripts, certificates, formats) went unjudged: ${why}`;
}
