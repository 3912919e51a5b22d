import { InvalidArgumentError, Option } from "commander";
import { stringify } from "yaml";

/** `-o`: for people, or for programs. */
export type OutputFormat = "table" | "json" | "yaml";

/** Refuses whatever is none of the choices. Unlike commander's own check it says what to write. */
export function oneOf<T extends string>(...choices: readonly T[]) {
  return (value: string): T => {
    const choice = choices.find((each) => each === value);
    if (choice === undefined) throw new InvalidArgumentError(`Write one of ${choices.join(", ")}.`);
    return choice;
  };
}

/** `-o, --output` with these formats, of which the first is the default; shell completion proposes them. */
export function outputOption(...formats: readonly string[]): Option {
  const option = new Option("-o, --output <format>", "how to print it")
    .default(formats[0])
    .argParser(oneOf(...formats));
  option.argChoices = [...formats];
  return option;
}

/** As a program reads it. Ends with a line break. */
export function structured(value: unknown, format: "json" | "yaml"): string {
  if (format === "json") return `${JSON.stringify(value, undefined, 2)}\n`;
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
