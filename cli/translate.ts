import { stringify } from "yaml";
import { formatProblem } from "../ir/problem.ts";
import { envoyRegistry } from "../xds/static/registry.ts";
import { staticForm } from "../xds/static/static-form.ts";
import { readDescriptors } from "./assets.ts";
import { load } from "./load.ts";
import { throwAwayPair } from "./throw-away.ts";
import { judgedState } from "./verdict.ts";

export interface TranslateOptions {
  readonly output: "json" | "yaml";
  readonly showSecrets: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface Output {
  out(text: string): void;
  error(line: string): void;
}

/** `nuncio translate`: the Envoy configuration of these manifests, in static form. @returns the exit code: 1 when an error leaves something out */
export async function translate(
  paths: readonly string[],
  options: TranslateOptions,
  env: Environment,
  output: Output,
): Promise<number> {
  const { snapshot, problems } = await judgedState(load(paths, env), env, output.error);
  const throwAway = options.showSecrets || snapshot.secret.size === 0 ? undefined : await throwAwayPair();
  const form = staticForm(snapshot, { registry: envoyRegistry(readDescriptors()), throwAway });
  output.out(
    options.output === "json"
      ? `${JSON.stringify(form, undefined, 2)}\n`
      : stringify(form, { aliasDuplicateObjects: false }),
  );
  const errors = problems.filter(({ severity }) => severity === "error");
  for (const problem of errors) output.error(`error: ${formatProblem(problem)}`);
  return errors.length === 0 ? 0 : 1;
}
