import { allOf, type Node, type Value } from "./tree.ts";

/** A script for bash 4 and later. It knows commands and options as they were when it was printed, and starts nothing. */
export function bashScript(program: string, tree: Node): string {
  const nodes = allOf(tree);
  const steps = nodes.flatMap((node) => node.commands.map((child) => `${quoted(idOf(node))}:${child.path.at(-1)}`));
  const values = nodes.flatMap((node) =>
    node.options.flatMap(({ flags, value }) =>
      value === undefined
        ? []
        : [`    ${flags.map((flag) => `${quoted(idOf(node))}:${flag}`).join("|")}) ${reply(value)}; return ;;`],
    ),
  );
  const words = nodes.map((node) => {
    const flags = node.options.flatMap((option) => option.flags);
    const commands = node.commands.map(({ path }) => path.at(-1) ?? "");
    return [
      `    ${quoted(idOf(node))})`,
      `      if [[ $current == -* ]]; then ${reply({ kind: "choices", choices: flags })}`,
      `      else ${reply(commands.length > 0 ? { kind: "choices", choices: commands } : node.argument)}; fi ;;`,
    ].join("\n");
  });
  const name = `_${program.replaceAll(/\W/g, "_")}`;
  return `# bash completion of ${program}; put it into force by: source <(${program} completion bash)
${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" at=/ word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at:$word" in
    ${steps.length === 0 ? '""' : steps.join("|")}) at="\${at%/}/$word" ;;
    esac
  done
  case "$at:$before" in
${values.join("\n")}
  esac
  case "$at" in
${words.join("\n")}
  esac
}
complete -F ${name} ${program}
`;
}

function idOf({ path }: Node): string {
  return `/${path.join("/")}`;
}

function reply(value: Value): string {
  if (value.kind === "text") return "COMPREPLY=()";
  if (value.kind === "choices")
    return `mapfile -t COMPREPLY < <(compgen -W ${quoted(value.choices.join(" "))} -- "$current")`;
  // Directories get their slash, and names with blanks are quoted.
  return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")';
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
