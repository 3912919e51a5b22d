/** Texts that a regular expression of RE2 matches, for requests that show what a route takes. */
import { fullMatch } from "../match/regex.ts";

/** How a text is to be chosen where the expression leaves a choice. */
interface Taste {
  /** Repetitions beyond the least that is allowed. */
  readonly more: number;
  /** Which of several alternatives, counted around. */
  readonly alternative: number;
  /** What characters are taken from, best first. */
  readonly alphabet: string;
}

type Make = (taste: Taste) => string;

const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join("");
const tastes: readonly Taste[] = [
  { more: 0, alternative: 0, alphabet: `7ax-${printable}` },
  { more: 1, alternative: 0, alphabet: `7ax-${printable}` },
  { more: 1, alternative: 1, alphabet: `ax7-${printable}` },
  { more: 0, alternative: 1, alphabet: `Ax7-${printable}` },
  // A path begins with a slash, also where the expression says "anything".
  { more: 1, alternative: 0, alphabet: `/${printable}` },
  { more: 0, alternative: 2, alphabet: `7ax-${printable}` },
  { more: 2, alternative: 3, alphabet: `0-_.${printable}` },
];

/** Texts that the whole of the expression matches, by the verdict of RE2 itself. May be none, where this cannot think of one. */
export function samples(regex: string): readonly string[] {
  const texts = new Set<string>();
  try {
    const make = parse(regex);
    for (const taste of tastes) {
      const text = make(taste);
      // Where anything may begin it: a path does with a slash.
      for (const each of [text, `/${text}`, `a${text}`]) texts.add(each);
    }
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
  }
  return [...texts].filter((text) => fullMatch(regex, text));
}

/** Letters, digits and so on, as classes of RE2 name them. */
const named: Readonly<Record<string, (char: string) => boolean>> = {
  d: (char) => /[0-9]/.test(char),
  w: (char) => /[0-9A-Za-z_]/.test(char),
  s: (char) => /[\t\n\f\r ]/.test(char),
  alnum: (char) => /[0-9A-Za-z]/.test(char),
  alpha: (char) => /[A-Za-z]/.test(char),
  digit: (char) => /[0-9]/.test(char),
  lower: (char) => /[a-z]/.test(char),
  upper: (char) => /[A-Z]/.test(char),
  punct: (char) => /[!-/:-@[-`{-~]/.test(char),
  space: (char) => /[\t\n\v\f\r ]/.test(char),
  word: (char) => /[0-9A-Za-z_]/.test(char),
  xdigit: (char) => /[0-9A-Fa-f]/.test(char),
};

class Unknown extends Error {}

/** A recursive descent over the expression, which RE2 has found good: what is not understood here gives up by a throw. */
function parse(regex: string): Make {
  let at = 0;
  const peek = (text: string) => regex.startsWith(text, at);
  const take = (text: string) => {
    if (!peek(text)) return false;
    at += text.length;
    return true;
  };
  const takeMatch = (pattern: RegExp): RegExpExecArray | undefined => {
    const found = pattern.exec(regex.slice(at));
    if (found === null) return undefined;
    at += found[0].length;
    return found;
  };

  function alternatives(): Make {
    const branches = [sequence()];
    while (take("|")) branches.push(sequence());
    return (taste) => (branches[taste.alternative % branches.length] as Make)(taste);
  }

  function sequence(): Make {
    const parts: Make[] = [];
    while (at < regex.length && !peek("|") && !peek(")")) parts.push(repeated(atom()));
    return (taste) => parts.map((part) => part(taste)).join("");
  }

  function repeated(one: Make): Make {
    const found = takeMatch(/^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/);
    if (found === undefined) return one;
    const [text, least, comma, most] = found;
    const from = text.startsWith("+") ? 1 : Number(least ?? 0);
    const to = text.startsWith("?")
      ? 1
      : least === undefined
        ? Infinity
        : comma === undefined
          ? from
          : Number(most === "" ? Infinity : most);
    return (taste) => one(taste).repeat(Math.min(to, from + taste.more));
  }

  function atom(): Make {
    if (take("(")) return group();
    if (take("[")) return charClass();
    if (take(".")) return fromAlphabet((char) => char !== "\n");
    if (take("^") || take("$")) return () => "";
    if (take("\\")) return escaped();
    const char = String.fromCodePoint(regex.codePointAt(at) as number);
    at += char.length;
    return () => char;
  }

  function group(): Make {
    if (takeMatch(/^\?[imsU-]+\)/) !== undefined) return () => "";
    takeMatch(/^\?(?:[imsU-]*:|P?<\w+>)/);
    const inside = alternatives();
    if (!take(")")) throw new Unknown();
    return inside;
  }

  function escaped(): Make {
    if (takeMatch(/^[bBAzZ]/) !== undefined) return () => "";
    if (take("Q")) {
      const [, text = ""] = takeMatch(/^([\s\S]*?)(?:\\E|$)/) ?? [];
      return () => text;
    }
    const member = escapedClass();
    if (member !== undefined) return fromAlphabet(member);
    const char = escapedChar();
    return () => char;
  }

  /** `\d`, `\W` and the like, after the backslash. */
  function escapedClass(): ((char: string) => boolean) | undefined {
    const [letter] = takeMatch(/^[dDwWsS]/) ?? [];
    if (letter === undefined) return undefined;
    const member = named[letter.toLowerCase()] as (char: string) => boolean;
    return letter === letter.toLowerCase() ? member : (char) => !member(char);
  }

  function escapedChar(): string {
    const [, braced, plain] = takeMatch(/^x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/) ?? [];
    const hex = braced ?? plain;
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    const char = regex[at++] ?? "";
    const control: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v", a: "\x07" };
    if (control[char] !== undefined) return control[char];
    // \pL, octal numbers: not thought of.
    if (/[A-Za-z0-9]/.test(char)) throw new Unknown();
    return char;
  }

  function charClass(): Make {
    const isNegated = take("^");
    const members: ((char: string) => boolean)[] = [];
    const listed: string[] = [];
    let isFirst = true;
    while (isFirst || !peek("]")) {
      if (at >= regex.length) throw new Unknown();
      isFirst = false;
      const [, not, name] = takeMatch(/^\[:(\^?)(\w+):\]/) ?? [];
      if (name !== undefined) {
        const member = named[name];
        if (member === undefined) throw new Unknown();
        members.push(not === "^" ? (char) => !member(char) : member);
        continue;
      }
      const low = classChar(members);
      if (low === undefined) continue;
      const isRange = peek("-") && regex[at + 1] !== "]";
      if (isRange) at++;
      const high = isRange ? (classChar(members) ?? low) : low;
      listed.push(low);
      members.push((char) => char >= low && char <= high);
    }
    at++; // ]
    const isIn = (char: string) => members.some((member) => member(char)) !== isNegated;
    return fromAlphabet(isIn, isNegated ? [] : listed);
  }

  /** A character of a class; undefined where it was a class within, which is then among the members. */
  function classChar(members: ((char: string) => boolean)[]): string | undefined {
    if (!take("\\")) {
      const char = String.fromCodePoint(regex.codePointAt(at) as number);
      at += char.length;
      return char;
    }
    const member = escapedClass();
    if (member === undefined) return escapedChar();
    members.push(member);
    return undefined;
  }

  const whole = alternatives();
  if (at < regex.length) throw new Unknown();
  return whole;
}

/** @param others taken where no printable character will do */
function fromAlphabet(isIn: (char: string) => boolean, others: readonly string[] = []): Make {
  return ({ alphabet }) => {
    const char = [...alphabet].find(isIn) ?? others[0] ?? (isIn(" ") ? " " : undefined);
    if (char === undefined) throw new Unknown();
    return char;
  };
}
