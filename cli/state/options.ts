import type { Command } from "commander";

const alone = "read this namespace alone, for who may not read the others";

/**
 * `--from`, `--context` and `-n`: where a command finds the state that it looks at.
 * @param namespace what -n means to it
 */
export function withStateOptions(command: Command, namespace = alone): Command {
  return withClusterOptions(
    command.option(
      "--from <source>",
      "what to look at: cluster, a directory or file of manifests, or a bundle (default: the cluster)",
    ),
    namespace,
  );
}

/** `--context` and `-n` alone, for commands that look at nothing but a cluster. */
export function withClusterOptions(command: Command, namespace = alone): Command {
  return command
    .option("--context <name>", "the kubeconfig's context (default: its current one)")
    .option("-n, --namespace <name>", namespace);
}
