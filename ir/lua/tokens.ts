/** Words and signs of Lua as LuaJIT reads them. Source: lj_lex.c of LuaJIT 2.1. */

export interface Token {
  /** end: of the script. Keywords and signs are their own text. */
  readonly kind: "name" | "number" | "string" | "end" | "sign" | "keyword";
  readonly text: string;
  /** 1-based. */
  readonly line: number;
}

export class LuaError extends Error {
  readonly line: number;
  constructor(line: number, what: string) {
    super(what);
    this.line = line;
  }
}

const keywords = new Set(
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while".split(
    " ",
  ),
);

const SPACE = /[ \t\v\f\r\n]+/y;
// Bytes from 0x80 on are letters to LuaJIT.
const NAME = /[A-Za-z_\u0080-\u{10FFFF}][A-Za-z0-9_\u0080-\u{10FFFF}]*/uy;
const NUMBER_LIKE = /\.?\d(?:[eEpP][+-]|[A-Za-z0-9_.])*/y;
const NUMBER =
  /^(?:0[xX](?:[\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)(?:[pP][+-]?\d+)?|0[bB][01]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:[uU]?[lL][lL]|[iI])?$/;
const SIGN = /\.\.\.|\.\.|==|~=|<=|>=|::|[-+*/%^#<>=(){}[\];:,.]/y;
const LONG = /\[(=*)\[/y;
const ESCAPE = /\\(?:[abfnrtv\\"'\n]|\r\n?|x[\da-fA-F]{2}|z\s*|u\{[\da-fA-F]+\}|\d{1,3})/y;

/** All tokens, the last of which is the end. Throws a LuaError. */
export function tokensOf(script: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = script.startsWith("\uFEFF") ? 1 : 0;
  let line = 1;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(script)?.[0];
  };
  const pass = (text: string): void => {
    for (const char of text) if (char === "\n") line++;
    at += text.length;
  };
  /** What stands between long brackets that open here; undefined: none do. */
  const long = (what: string): string | undefined => {
    const open = match(LONG);
    if (open === undefined) return undefined;
    const close = `]${"=".repeat(open.length - 2)}]`;
    const end = script.indexOf(close, at + open.length);
    if (end === -1) throw new LuaError(line, `unfinished ${what}: ${close} is missing`);
    return script.slice(at, end + close.length);
  };
  // As in LuaJIT, a first line for the shell is passed over.
  if (script[at] === "#") pass(script.slice(at).split("\n", 1)[0] ?? "");
  while (at < script.length) {
    const space = match(SPACE);
    if (space !== undefined) {
      pass(space);
      continue;
    }
    if (script.startsWith("--", at)) {
      at += 2;
      pass(long("comment") ?? script.slice(at).split("\n", 1)[0] ?? "");
      continue;
    }
    const token = (kind: Token["kind"], text: string): void => {
      tokens.push({ kind, text, line });
      pass(text);
    };
    const name = match(NAME);
    const numberLike = match(NUMBER_LIKE);
    const quote = script[at];
    if (name !== undefined) token(keywords.has(name) ? "keyword" : "name", name);
    else if (numberLike !== undefined) {
      if (!NUMBER.test(numberLike)) throw new LuaError(line, `malformed number near "${numberLike}"`);
      token("number", numberLike);
    } else if (quote === '"' || quote === "'") token("string", quoted(script, at, line));
    else {
      const text = long("string");
      if (text !== undefined) {
        token("string", text);
        continue;
      }
      const sign = match(SIGN);
      if (sign === undefined)
        throw new LuaError(line, `unexpected "${String.fromCodePoint(script.codePointAt(at) ?? 0)}"`);
      token("sign", sign);
    }
  }
  tokens.push({ kind: "end", text: "the end", line });
  return tokens;
}

function quoted(script: string, start: number, line: number): string {
  const quote = script[start];
  let at = start + 1;
  for (;;) {
    const char = script[at];
    if (char === quote) return script.slice(start, at + 1);
    if (char === undefined || char === "\n" || char === "\r") throw new LuaError(line, "unfinished string");
    if (char !== "\\") {
      at++;
      continue;
    }
    ESCAPE.lastIndex = at;
    const escape = ESCAPE.exec(script)?.[0];
    const decimal = /^\\(\d+)$/.exec(escape ?? "")?.[1];
    if (escape === undefined || Number(decimal ?? 0) > 255)
      throw new LuaError(line, `invalid escape sequence "${script.slice(at, at + 2)}"`);
    at += escape.length;
  }
}
