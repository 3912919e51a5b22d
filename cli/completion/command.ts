import { Argument, Command } from "commander";

export function completionCommand(): Command {
  return new Command("completion")
    .description("print a script by which a shell completes commands, options and their values")
    .addArgument(new Argument("<shell>", "whose").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      `
Examples:
  source <(nuncio completion bash)
  nuncio completion zsh > "\${fpath[1]}/_nuncio"
  nuncio completion fish | source`,
    )
    .action(async (shell: "bash" | "zsh" | "fish", _: object, command: Command) => {
      const program = command.parent;
      if (program === null) return;
      const { treeOf } = await import("./tree.ts");
      const tree = treeOf(program);
      // kubectl completes its plugins by itself.
      const name = "nuncio";
      if (shell === "bash") process.stdout.write((await import("./bash.ts")).bashScript(name, tree));
      if (shell === "zsh") process.stdout.write((await import("./zsh.ts")).zshScript(name, tree));
      if (shell === "fish") process.stdout.write((await import("./fish.ts")).fishScript(name, tree));
    });
}
