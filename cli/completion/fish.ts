import { allOf, type CompletedOption, type Node, type Value } from "./tree.ts";

/** A script for fish: one line for each command and option. */
export function fishScript(program: string, tree: Node): string {
  const lines = allOf(tree).flatMap((node) => {
    const place = conditionOf(node);
    return [
      ...node.commands.map(
        (child) => `${place} -f -a ${quoted(child.path.at(-1) ?? "")} -d ${quoted(child.description)}`,
      ),
      ...node.options.map(
        (option) => `${place} ${flagsOf(option)} -d ${quoted(option.description)}${valueOf(option.value)}`,
      ),
      ...(node.commands.length === 0 && node.argument.kind !== "files" ? [`${place} -f`] : []),
      ...(node.argument.kind === "choices" ? [`${place} -a ${quoted(node.argument.choices.join(" "))}`] : []),
    ].map((rest) => `complete -c ${program} ${rest}`);
  });
  return `# fish completion of ${program}; put it into force by: ${program} completion fish | source\n${lines.join("\n")}\n`;
}

function conditionOf({ path, commands }: Node): string {
  if (path.length === 0) return "-n __fish_use_subcommand";
  const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  const deeper = commands.map((child) => child.path.at(-1) ?? "");
  const all = deeper.length === 0 ? seen : [...seen, `not __fish_seen_subcommand_from ${deeper.join(" ")}`];
  return `-n ${quoted(all.join("; and "))}`;
}

function flagsOf({ flags }: CompletedOption): string {
  return flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(" ");
}

function valueOf(value: Value | undefined): string {
  if (value === undefined) return "";
  if (value.kind === "files") return " -r -F";
  return value.kind === "choices" ? ` -x -a ${quoted(value.choices.join(" "))}` : " -x";
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
