import fs from "node:fs";
import { parseResource } from "../../crds/parse.ts";
import { sortResources } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";
import { errorText, FatalError } from "../../runtime/fatal.ts";
import { envoyVersion, userPath, version } from "../assets.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { compileState } from "../state/compiled.ts";
import type { Environment, StateFlags } from "../state/state.ts";
import { newBundle, type SavedProblem, writeBundle } from "./bundle.ts";
import { collect } from "./collect.ts";
import { askGateway } from "./gateway.ts";
import { reviveSecret } from "./secrets.ts";

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
  const { objects, settings, problems: sourceProblems, from } = await collect(flags, env);
  // What is told is told of what is saved, so that no message can quote what was hidden.
  const revived = await Promise.all(objects.map((raw) => (raw["kind"] === "Secret" ? reviveSecret(raw) : raw)));
  const parsed = revived.map((raw) => parseResource(raw).resource).filter((each) => each !== undefined);
  const state = { resources: sortResources(parsed).value, settings, problems: sourceProblems, from };
  const { problems } = compileState(state, now.getTime());
  const gateway = flags.gateway === undefined ? [] : await askGateway(flags.gateway);
  const bundle = newBundle({
    madeAt: now.toISOString(),
    versions: {
      nuncio: version,
      node: process.version,
      ...(envoyVersion === undefined ? {} : { envoy: envoyVersion }),
    },
    from,
    settings,
    gateway,
    problems: problems.map(savedProblem),
    sourceProblems: sourceProblems.map(savedProblem),
    objects,
  });
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
