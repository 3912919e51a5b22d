/** Commands that tell what became of objects. */
import { Command, InvalidArgumentError, Option } from "commander";
import { outputOption, type OutputFormat } from "../output/format.ts";
import { withClusterOptions, withStateOptions } from "../state/options.ts";

const write = {
  out: (text: string) => void process.stdout.write(text),
  error: (text: string) => void process.stderr.write(text),
};

export interface StatusFlags {
  readonly from?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly tree?: boolean;
  readonly output: OutputFormat;
}

export function statusCommand(): Command {
  return withStateOptions(new Command("status"), "of this namespace (default: the context's; of files and bundles all)")
    .description("what became of objects: accepted, live in every proxy, or why not; exit 1 when one is not")
    .argument("[object]", "KIND or KIND/NAME, such as mappings or mapping/quote (default: every kind)")
    .option("-A, --all-namespaces", "of every namespace")
    .option("--tree", "Hosts, with the Mappings that each one takes")
    .addOption(outputOption("table", "json", "yaml"))
    .addHelpText(
      "after",
      `
Examples:
  nuncio status -A                              everything
  nuncio status mapping/orders -n shop          one object
  nuncio status --from nuncio-bundle.json.gz    as it was when the bundle was made
  nuncio status --from manifests/               what a gateway would say, where none serves them

What the conditions mean: docs/status.md. Exit codes: 0 all live, 1 not, 2 used wrongly, 3 no answer.`,
    )
    .action(async (object: string | undefined, flags: StatusFlags) => {
      const { status } = await import("./status.ts");
      process.exitCode = await status(object, flags, process.env, write);
    });
}

export interface ProxiesFlags {
  readonly from?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly gateway?: string;
  readonly output: OutputFormat;
}

export function proxiesCommand(): Command {
  return withStateOptions(new Command("proxies"), "the replicas of this namespace (default: of all)")
    .description(
      "what each proxy has acknowledged, and what it refuses; exit 1 when one refuses something or is not ready",
    )
    .option("--gateway <url>", "ask this gateway alone, by its admin port, such as http://127.0.0.1:8877")
    .addOption(outputOption("table", "json", "yaml"))
    .addHelpText(
      "after",
      `
Examples:
  nuncio proxies                                   of every replica
  nuncio proxies --gateway http://127.0.0.1:8877   of one gateway, without a cluster
  nuncio proxies --from nuncio-bundle.json.gz      as it was when the bundle was made

Exit codes: 0 all well, 1 not, 2 used wrongly, 3 no answer.`,
    )
    .action(async (flags: ProxiesFlags) => {
      const { proxies } = await import("./proxies.ts");
      process.exitCode = await proxies(flags, process.env, write);
    });
}

export interface WaitFlags {
  readonly context?: string;
  readonly namespace?: string;
  readonly for: "programmed" | "accepted";
  readonly timeout: number;
}

export function waitCommand(): Command {
  const condition = new Option("--for <condition>", "what to wait for").default("programmed").argParser(conditionOf);
  condition.argChoices = ["programmed", "accepted"];
  const timeout = new Option("--timeout <duration>", "how long, such as 30s or 2m")
    .default(30_000, "30s")
    .argParser(durationMs);
  return withClusterOptions(new Command("wait"), "where the object is (default: the context's)")
    .description(
      "wait until an object is live in every proxy; exit 1 when it cannot be or is not in time, with the reason",
    )
    .argument("<object>", "KIND/NAME, such as mapping/quote")
    .addOption(condition)
    .addOption(timeout)
    .addHelpText(
      "after",
      "\nExample:\n  kubectl apply -f orders.yaml && nuncio wait mapping/orders --for programmed --timeout 30s\n\nIt ends at once where the object itself is wrong: no waiting would mend it.\nExit codes: 0 it is, 1 it is not, 2 used wrongly, 3 it cannot be seen.",
    )
    .action(async (object: string, flags: WaitFlags) => {
      const { waitFor } = await import("./wait.ts");
      process.exitCode = await waitFor(object, flags, process.env, write);
    });
}

function conditionOf(text: string): WaitFlags["for"] {
  const word = text.toLowerCase();
  if (word === "programmed" || word === "accepted") return word;
  throw new InvalidArgumentError("Write programmed or accepted.");
}

function durationMs(text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,6})(ms|s|m|h|)$/.exec(text) ?? [];
  if (number === "") throw new InvalidArgumentError("Write a number with a unit, such as 30s or 2m.");
  return Number(number) * { ms: 1, s: 1000, "": 1000, m: 60_000, h: 3_600_000 }[unit as "ms" | "s" | "m" | "h" | ""];
}
