export type Colour = "red" | "yellow" | "green" | "cyan" | "bold" | "dim";

/** The text in a colour, or the text alone where nobody sees colours. */
export type Paint = (colour: Colour, text: string) => string;

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  red: [31, 39],
  yellow: [33, 39],
  green: [32, 39],
  cyan: [36, 39],
  bold: [1, 22],
  dim: [2, 22],
};

interface Stream {
  readonly isTTY?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Colours on a terminal only; NO_COLOR (no-color.org) switches them off there, and FORCE_COLOR on everywhere. */
export function paintFor({ isTTY = false }: Stream, env: Environment): Paint {
  const { NO_COLOR: never = "", FORCE_COLOR: always = "", TERM: terminal } = env;
  const forced = always !== "" && always !== "0";
  const on = forced || (isTTY && never === "" && always !== "0" && terminal !== "dumb");
  return on ? painted : plain;
}

export const plain: Paint = (_, text) => text;

const painted: Paint = (colour, text) => {
  const [begin, end] = codes[colour];
  return `\u001b[${begin}m${text}\u001b[${end}m`;
};

const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");

/** How many places a text takes on a terminal. */
export function widthOf(text: string): number {
  return [...text.replace(escapes, "")].length;
}
