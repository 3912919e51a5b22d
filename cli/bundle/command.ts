import { Command } from "commander";
import { withStateOptions } from "../state/options.ts";
import type { BundleFlags } from "./save.ts";

export function bundleCommand(): Command {
  return withStateOptions(new Command("bundle"))
    .description("save what there is to see, without secrets, so that somebody else can look at it")
    .option("-o, --output <file>", "where to; - is standard output, NAME.json is not packed", "nuncio-bundle.json.gz")
    .option("--gateway <url>", "the admin port of a gateway, for its metrics and diagnostics: http://10.0.0.9:8877")
    .addHelpText(
      "after",
      `
Examples:
  nuncio bundle                                     of the cluster, into nuncio-bundle.json.gz
  nuncio bundle --from manifests/ -o bundle.json    of files, as plain JSON
  nuncio check --from nuncio-bundle.json.gz         what is wrong in it, anywhere and without a cluster

Private keys, passwords in headers and annotations of others are not in it: see docs/cli.md#bundle.`,
    )
    .action(async (flags: BundleFlags) => {
      const { saveBundle } = await import("./save.ts");
      process.exitCode = await saveBundle(flags, process.env, new Date(), (line) => process.stderr.write(`${line}\n`));
    });
}
