import type { Command, Option } from "commander";

/** A command as shells complete it. */
export interface Node {
  /** Names from the program's on, without the program's own: `["check"]`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly Node[];
  readonly options: readonly CompletedOption[];
  /** What its arguments are. */
  readonly argument: Value;
}

export interface CompletedOption {
  /** `-o` and `--output`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined: it takes none. */
  readonly value: Value | undefined;
}

export type Value =
  | { readonly kind: "choices"; readonly choices: readonly string[] }
  | { readonly kind: "files" }
  /** Nothing that a shell could know. */
  | { readonly kind: "text" };

/** Values that are paths, by what `--help` calls them. */
const paths = /^(path|file|dir|directory|source)\b/;

/** The tree below a command, hidden ones left out. */
export function treeOf(command: Command, path: readonly string[] = []): Node {
  const help = command.createHelp();
  const [argument] = command.registeredArguments;
  return {
    path,
    description: help.subcommandDescription(command),
    commands: help.visibleCommands(command).map((each) => treeOf(each, [...path, each.name()])),
    options: help.visibleOptions(command).map(optionOf),
    argument: argument === undefined ? { kind: "text" } : valueOf(argument.name(), argument.argChoices),
  };
}

function optionOf(option: Option): CompletedOption {
  const takesValue = option.required || option.optional;
  const [, name = ""] = /[<[]([\w-]+)/.exec(option.flags) ?? [];
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    value: takesValue ? valueOf(name, option.argChoices) : undefined,
  };
}

function valueOf(name: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: "choices", choices };
  return paths.test(name) ? { kind: "files" } : { kind: "text" };
}

/** The node and all below it. */
export function allOf(node: Node): readonly Node[] {
  return [node, ...node.commands.flatMap(allOf)];
}
