import { stringify } from "yaml";
import { formatProblem } from "../ir/problem.ts";
import { FatalError } from "../runtime/fatal.ts";
import { envoyRegistry } from "../xds/static/registry.ts";
import { staticForm } from "../xds/static/static-form.ts";
import { readDescriptors } from "./assets.ts";
import { exitCodes } from "./output/exit-codes.ts";
import { compileState } from "./state/compiled.ts";
import { readPaths } from "./state/files.ts";
import { loadState } from "./state/load-state.ts";
import { unseenNote } from "./state/served.ts";
import { sourceOf } from "./state/source.ts";
import type { Environment, StateFlags } from "./state/state.ts";
import { throwAwayPair } from "./throw-away.ts";
import { judgedState } from "./verdict.ts";

export interface TranslateFlags extends StateFlags {
  readonly output: "json" | "yaml";
  readonly showSecrets?: boolean;
}

export interface Output {
  out(text: string): void;
  error(line: string): void;
}

/** `nuncio translate`: the Envoy configuration of a state, in static form. @returns the exit code: 1 when an error leaves something out */
export async function translate(
  paths: readonly string[],
  options: TranslateFlags,
  env: Environment,
  output: Output,
): Promise<number> {
  const { from, context, namespace, showSecrets = false } = options;
  const refuse = (text: string) => new FatalError(text, exitCodes.usage);
  if (paths.length > 0 && [from, context, namespace].some((each) => each !== undefined))
    throw refuse(
      "what to translate is named twice; write paths alone, or --from, --context and --namespace without paths",
    );
  if (showSecrets && paths.length === 0 && sourceOf(options, env).kind === "bundle")
    throw refuse(`${from} is a bundle, and holds no private keys; leave --show-secrets out`);
  const state = paths.length > 0 ? readPaths(paths, env) : await loadState(options, env);
  const unseen = unseenNote(state);
  if (unseen !== undefined) output.error(unseen);
  const { snapshot, problems } = await judgedState(compileState(state), env, output.error);
  const throwAway = showSecrets || snapshot.secret.size === 0 ? undefined : await throwAwayPair();
  const form = staticForm(snapshot, { registry: envoyRegistry(readDescriptors()), throwAway });
  output.out(
    options.output === "json"
      ? `${JSON.stringify(form, undefined, 2)}\n`
      : stringify(form, { aliasDuplicateObjects: false }),
  );
  const errors = problems.filter(({ severity }) => severity === "error");
  for (const problem of errors) output.error(`error: ${formatProblem(problem)}`);
  return errors.length === 0 ? exitCodes.ok : exitCodes.findings;
}
