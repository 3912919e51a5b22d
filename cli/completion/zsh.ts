import { allOf, type CompletedOption, type Node, type Value } from "./tree.ts";

/** A script for zsh: a function for each command. Source: zshcompsys(1), _arguments and _describe. */
export function zshScript(program: string, tree: Node): string {
  const name = `_${program.replaceAll(/\W/g, "_")}`;
  const functionOf = ({ path }: Node) => [name, ...path].join("_").replaceAll("-", "_");
  const functions = allOf(tree).map((node) => {
    const options = node.options.map((option) => `    ${specOf(option)} \\`);
    if (node.commands.length === 0)
      return `${functionOf(node)}() {\n  _arguments \\\n${options.join("\n")}\n    ${quoted(`*:argument:${actionOf(node.argument)}`)}\n}`;
    const described = node.commands.map((child) => `    ${quoted(`${nameOf(child)}:${child.description}`)}`);
    const cases = node.commands.map((child) => `      ${nameOf(child)}) ${functionOf(child)} ;;`);
    return `${functionOf(node)}() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${described.join("\n")}
  )
  _arguments -C \\
${options.join("\n")}
    '1: :->command' '*:: :->arguments'
  case $state in
    command) _describe command commands ;;
    arguments) case $line[1] in
${cases.join("\n")}
    esac ;;
  esac
}`;
  });
  return `#compdef ${program}
# zsh completion of ${program}; put it into a directory of your fpath, under the name _${program}
${functions.join("\n")}
compdef ${name} ${program}
`;
}

function nameOf({ path }: Node): string {
  return path.at(-1) ?? "";
}

function specOf({ flags, description, value }: CompletedOption): string {
  const text = `[${description.replaceAll(/[[\]:]/g, (found) => `\\${found}`)}]`;
  const action = value === undefined ? "" : `:value:${actionOf(value)}`;
  if (flags.length < 2) return quoted(`${flags.join("")}${text}${action}`);
  return `${quoted(`(${flags.join(" ")})`)}{${flags.join(",")}}${quoted(`${text}${action}`)}`;
}

function actionOf(value: Value): string {
  if (value.kind === "choices") return `(${value.choices.join(" ")})`;
  return value.kind === "files" ? "_files" : " ";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
