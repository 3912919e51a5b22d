import type { Command } from "commander";

/** `--from`, `--context` and `-n`: where a command finds the state that it looks at. */
export function withStateOptions(command: Command): Command {
  return withClusterOptions(
    command.option(
      "--from <source>",
      "what to look at: cluster, a directory or file of manifests, or a bundle (default: the cluster)",
    ),
  );
}

/** `--context` and `-n` alone, for commands that look at nothing but a cluster. */
export function withClusterOptions(command: Command): Command {
  return command
    .option("--context <name>", "the kubeconfig's context (default: its current one)")
    .option("-n, --namespace <name>", "read this namespace alone, for who may not read the others");
}
