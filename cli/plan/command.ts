import { Command, Option } from "commander";
import { outputOption, type OutputFormat } from "../output/format.ts";
import { withStateOptions } from "../state/options.ts";
import type { PlanFlags } from "./plan.ts";

export function planCommand(): Command {
  const deleted = new Option("--delete <kind/namespace/name>", "an object that is to go; may be given several times")
    .default([], "none")
    .argParser(collected);
  return withStateOptions(
    new Command("plan")
      .description("tell what manifests would change before they are applied: objects, Envoy's configuration, requests")
      .argument("[path...]", "directories or files of manifests that are to be applied; - is standard input"),
  )
    .option("--prune", "what is not among the manifests goes: they are the whole state")
    .addOption(deleted)
    .option("--requests <number>", "how many requests to try at most", "1000")
    .addOption(outputOption("table", "json", "yaml"))
    .addHelpText(
      "after",
      `
Examples:
  nuncio plan manifests/                        against the cluster
  nuncio plan --from live/ --prune candidate/   without one: a directory against another
  nuncio plan --delete Mapping/shop/orders      what becomes of its requests

Exit codes: 0 nothing to object to, 1 it adds errors or warnings, 2 used wrongly, 3 no answer. See docs/plan.md.`,
    )
    .action(async (paths: string[], flags: PlanFlags & { output: OutputFormat }) => {
      const { plan } = await import("./plan.ts");
      process.exitCode = await plan(paths, flags, {
        env: process.env,
        stdout: process.stdout,
        print: (text) => void process.stdout.write(text),
        note: (line) => void process.stderr.write(`${line}\n`),
      });
    });
}

function collected(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}
