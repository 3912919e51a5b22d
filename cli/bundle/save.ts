import fs from "node:fs";
import type { Problem } from "../../ir/problem.ts";
import { errorText, FatalError } from "../../runtime/fatal.ts";
import { envoyVersion, userPath, version } from "../assets.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { bundleState } from "../state/bundle.ts";
import { compileState } from "../state/compiled.ts";
import type { Environment, StateFlags } from "../state/state.ts";
import { newBundle, type SavedProblem, writeBundle } from "./bundle.ts";
import { collect } from "./collect.ts";
import { askGateway } from "./gateway.ts";
import { redactPage } from "./texts.ts";

export interface BundleFlags extends StateFlags {
  readonly output: string;
  readonly gateway?: string | undefined;
}

/** `nuncio bundle`: saves what there is to see, and says so on standard error. @returns the exit code */
export async function saveBundle(
  flags: BundleFlags,
  env: Environment,
  now: Date,
  say: (line: string) => void,
): Promise<number> {
  if (flags.gateway !== undefined && !URL.canParse(flags.gateway))
    throw new FatalError(`--gateway ${flags.gateway}: write a URL, such as http://127.0.0.1:8877`, exitCodes.usage);
  const { problems: sourceProblems, redactTexts, ...collected } = await collect(flags, env, say);
  const { objects, from } = collected;
  const answers = flags.gateway === undefined ? [] : await askGateway(flags.gateway);
  const gateway = answers.map((answer) => ({ ...answer, text: redactPage(answer.text, redactTexts) }));
  const unjudged = newBundle({
    ...collected,
    madeAt: now.toISOString(),
    versions: {
      nuncio: version,
      node: process.version,
      ...(envoyVersion === undefined ? {} : { envoy: envoyVersion }),
    },
    gateway,
    problems: [],
    sourceProblems: redactTexts(sourceProblems.map(savedProblem)),
  });
  // What is told is told of what is saved, so that no message can quote what was hidden.
  const { problems } = compileState(await bundleState(unjudged, from), now.getTime());
  const bundle = { ...unjudged, problems: problems.map(savedProblem) };
  const bytes = writeBundle(bundle, !flags.output.endsWith(".json"));
  if (flags.output === "-") process.stdout.write(bytes);
  else writeFile(flags.output, bytes, env);
  for (const { path, status, text } of gateway) if (status === undefined) say(`${path} of the gateway: ${text}`);
  say(
    `${flags.output}: ${objects.length} objects and ${problems.length} problems of ${from}; private keys are not in it`,
  );
  return gateway.length > 0 && gateway.every(({ status }) => status === undefined)
    ? exitCodes.unreachable
    : exitCodes.ok;
}

function writeFile(given: string, bytes: Buffer, env: Environment): void {
  try {
    // Not for everybody on the machine: it tells how things are made.
    fs.writeFileSync(userPath(given, env), bytes, { mode: 0o600 });
  } catch (error) {
    throw new FatalError(`${given} cannot be written: ${errorText(error)}`, exitCodes.usage);
  }
}

function savedProblem({ code, severity, object, path, message, advice }: Problem): SavedProblem {
  const { kind, namespace, name } = object;
  return { code, severity, object: { kind, namespace, name }, path, message, advice };
}
