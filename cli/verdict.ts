import { errorText, FatalError } from "../runtime/fatal.ts";
import type { Log } from "../runtime/log.ts";
import { temporaryValidator } from "../runtime/validator/temporary.ts";
import type { Validator } from "../runtime/validator/validator.ts";
import { findEnvoy } from "./assets.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** An Envoy that judges, or undefined where there is no Envoy. It starts with the first question. */
export function validatorIfThere(env: Environment, log: Log): Validator | undefined {
  try {
    return temporaryValidator(findEnvoy(undefined, env), log);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    log.debug("what only Envoy can judge is left to the gateway", { reason: errorText(error) });
    return undefined;
  }
}
