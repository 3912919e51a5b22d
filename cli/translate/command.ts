import { Command } from "commander";
import { outputOption } from "../output/format.ts";
import { withStateOptions } from "../state/options.ts";
import type { TranslateFlags } from "../translate.ts";

export function translateCommand(): Command {
  return withStateOptions(new Command("translate"))
    .description("print the Envoy configuration in static form, as `envoy --mode validate` takes it")
    .argument("[path...]", "directories or files of manifests; - is standard input (default: what --from says)")
    .addOption(outputOption("yaml", "json"))
    .option("--show-secrets", "print the real private keys; without it a throw-away key stands in for each")
    .addHelpText(
      "after",
      `
Examples:
  nuncio translate manifests/ > envoy.yaml && envoy --mode validate -c envoy.yaml
  nuncio translate --from nuncio-bundle.json.gz    what the gateways of a bundle are given

Exit codes: 0 fine, 1 an error leaves something out, 2 used wrongly, 3 no answer.`,
    )
    .action(async (paths: string[], flags: TranslateFlags) => {
      const { translate } = await import("../translate.ts");
      process.exitCode = await translate(paths, flags, process.env, {
        out: (text) => process.stdout.write(text),
        error: (line) => process.stderr.write(`${line}\n`),
      });
    });
}
