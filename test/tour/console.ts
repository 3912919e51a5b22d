/** Commands of a page, with what they print. */
export interface Step {
  readonly command: string;
  readonly expected: string;
  /** 1-based, in the page. */
  readonly line: number;
}

/** Of its blocks in the language `console`: a command after `$ `, then its output up to the next one. */
export function stepsOf(page: string): readonly Step[] {
  const steps: { command: string; lines: string[]; line: number }[] = [];
  let isInside = false;
  page.split("\n").forEach((text, index) => {
    if (text.startsWith("```")) isInside = text === "```console";
    else if (!isInside) return;
    else if (text.startsWith("$ ")) steps.push({ command: text.slice(2), lines: [], line: index + 1 });
    else steps.at(-1)?.lines.push(text);
  });
  return steps.map(({ command, lines, line }) => ({ command, expected: lines.join("\n"), line }));
}

/** Whether an output is as the page has it, where `...` stands for any text: on a line of its own for any lines, or none. */
export function isAs(expected: string, output: string): boolean {
  const lines = expected === "" ? [] : expected.split("\n");
  const pattern = lines
    .map((line) => (line === "..." ? "(?:.*\n)*?" : `${line.split("...").map(literal).join(".*?")}\n`))
    .join("");
  return new RegExp(`^${pattern}$`).test(output === "" || output.endsWith("\n") ? output : `${output}\n`);
}

/** How many blanks keep columns apart depends on what is in them. */
function literal(text: string): string {
  return text
    .split(/ {2,}/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(" {2,}");
}
