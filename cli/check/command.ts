import { Command } from "commander";
import type { Environment, StateFlags } from "../state/state.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { outputOption } from "../output/format.ts";
import { withStateOptions } from "../state/options.ts";
import type { CheckFormat } from "../check.ts";

export interface CheckFlags extends StateFlags {
  readonly output: CheckFormat;
  readonly errorsOnly?: boolean;
  readonly strict?: boolean;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
}

export function checkCommand(): Command {
  return withStateOptions(new Command("check"))
    .description("say what a gateway would: of manifests without a cluster, or of a cluster")
    .argument("[path...]", "directories or files of manifests; - is standard input (default: what --from says)")
    .addOption(outputOption("text", "json", "sarif", "junit", "github"))
    .option("--errors-only", "neither print nor count warnings")
    .option("--strict", "tell warnings as errors")
    .option("--fix", "write into the files what is certain to mend them")
    .option("--dry-run", "with --fix: print the difference, and write nothing")
    .addHelpText(
      "after",
      `
Examples:
  nuncio check manifests/                        exit 0 when clean, 1 with findings
  helm template . | nuncio check -               what a chart makes
  nuncio check --fix --dry-run manifests/        what could be mended by itself, as a diff
  nuncio check -o github manifests/              beside the lines of a pull request
  nuncio check --from cluster                    what is in force now

Each finding has a code with a page: docs/codes.md. Exit codes: 0 fine, 1 findings, 2 used wrongly, 3 no answer.`,
    )
    .action(async (paths: string[], flags: CheckFlags) => {
      process.exitCode = await run(paths, flags, process.env);
    });
}

async function run(paths: readonly string[], flags: CheckFlags, env: Environment): Promise<number> {
  const { FatalError } = await import("../../runtime/fatal.ts");
  const refuse = (text: string) => new FatalError(text, exitCodes.usage);
  const { from, context, namespace, fix = false, dryRun = false, strict = false, errorsOnly = false } = flags;
  if (strict && errorsOnly) throw refuse("--strict and --errors-only exclude each other; leave one of them out");
  if (dryRun && !fix) throw refuse("--dry-run is for --fix; write both, or none");
  if (paths.length > 0 && [from, context, namespace].some((each) => each !== undefined))
    throw refuse("what to check is named twice; write paths alone, or --from, --context and --namespace without paths");
  const out = (text: string) => void process.stdout.write(text);
  if (fix) {
    const { fixFiles } = await import("./fix.ts");
    const error = (line: string) => void process.stderr.write(`${line}\n`);
    const fixes = fixFiles(paths, dryRun, env, { out, error });
    if (dryRun) return fixes === 0 ? exitCodes.ok : exitCodes.findings;
  }
  const { checkState } = await import("../check.ts");
  const { compileState } = await import("../state/compiled.ts");
  const { judgedState } = await import("../verdict.ts");
  const { paintFor } = await import("../output/colour.ts");
  const state =
    paths.length > 0 ? (await import("../state/files.ts")).readPaths(paths, env) : await fromFlags(flags, env);
  const options = { output: flags.output, errorsOnly, strict };
  const judged = await judgedState(compileState(state), env, (line) => void process.stderr.write(`${line}\n`));
  return checkState(judged, options, (line) => out(`${line}\n`), paintFor(process.stdout, env));
}

async function fromFlags(flags: StateFlags, env: Environment) {
  const { loadState } = await import("../state/load-state.ts");
  return loadState(flags, env);
}
