import { LuaError, type Token } from "./tokens.ts";

/** What a function, or the script itself, allows inside. */
interface Scope {
  readonly varargs: boolean;
  loops: number;
}

const binary = new Set(["+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"]);
const unary = new Set(["not", "-", "#"]);
const literals = new Set(["nil", "true", "false"]);
const blockEnds = new Set(["else", "elseif", "end", "until"]);
/** Deeper than this LuaJIT refuses too, by a count of its own. */
const MAX_DEPTH = 190;

type Expression = "call" | "variable" | "value";

export class TooDeep extends Error {}

/** The grammar, as lj_parse.c of LuaJIT 2.1 has it. Throws a LuaError. */
export class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #scope: Scope = { varargs: true, loops: 0 };

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  script(): void {
    this.#block();
    if (this.#now.kind !== "end") this.#fail("unexpected");
  }

  get #now(): Token {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token;
  }

  get #next(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)] as Token;
  }

  #fail(what: string): never {
    const { line, text } = this.#now;
    throw new LuaError(line, `${what} near ${this.#now.kind === "end" ? text : JSON.stringify(text.slice(0, 40))}`);
  }

  #is(text: string): boolean {
    const { kind } = this.#now;
    return (kind === "sign" || kind === "keyword") && this.#now.text === text;
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }

  #expect(text: string, opened?: { readonly what: string; readonly line: number }): void {
    if (this.#take(text)) return;
    const from =
      opened === undefined || opened.line === this.#now.line ? "" : ` to close "${opened.what}" of line ${opened.line}`;
    this.#fail(`"${text}" expected${from}`);
  }

  /** goto is a name where no label follows. */
  #isName(token: Token): boolean {
    return token.kind === "name" || (token.kind === "keyword" && token.text === "goto");
  }

  #name(): void {
    if (!this.#isName(this.#now)) this.#fail("a name expected");
    this.#at++;
  }

  #names(): void {
    do this.#name();
    while (this.#take(","));
  }

  #deeper(inside: () => void): void {
    if (++this.#depth > MAX_DEPTH) throw new TooDeep();
    inside();
    this.#depth--;
  }

  #block(): void {
    for (;;) {
      const { kind, text } = this.#now;
      if (kind === "end" || (kind === "keyword" && blockEnds.has(text))) return;
      if (this.#take("return")) {
        if (
          !this.#is(";") &&
          this.#now.kind !== "end" &&
          !(this.#now.kind === "keyword" && blockEnds.has(this.#now.text))
        )
          this.#expressions();
        this.#take(";");
        return;
      }
      this.#deeper(() => this.#statement());
      this.#take(";");
    }
  }

  #loop(body: () => void): void {
    this.#scope.loops++;
    body();
    this.#scope.loops--;
  }

  #statement(): void {
    const { line, text, kind } = this.#now;
    const opened = { what: text, line };
    if (kind === "sign" && text === ";") return;
    if (this.#take("::")) {
      this.#name();
      return this.#expect("::");
    }
    if (kind === "keyword") {
      switch (text) {
        case "if":
          return this.#if(opened);
        case "while":
          this.#at++;
          this.#expression();
          this.#expect("do");
          this.#loop(() => this.#block());
          return this.#expect("end", opened);
        case "do":
          this.#at++;
          this.#block();
          return this.#expect("end", opened);
        case "for":
          return this.#for(opened);
        case "repeat":
          this.#at++;
          this.#loop(() => this.#block());
          this.#expect("until", opened);
          return void this.#expression();
        case "function":
          this.#at++;
          this.#name();
          while (this.#take(".")) this.#name();
          if (this.#take(":")) this.#name();
          return this.#function(opened);
        case "local":
          return this.#local(opened);
        case "break":
          if (this.#scope.loops === 0) this.#fail("no loop to leave");
          this.#at++;
          return;
        case "goto":
          if (!this.#isName(this.#next)) break;
          this.#at += 2;
          return;
      }
    }
    this.#callOrAssignment();
  }

  #if(opened: { readonly what: string; readonly line: number }): void {
    do {
      this.#at += this.#is("if") ? 1 : 0;
      this.#expression();
      this.#expect("then");
      this.#block();
    } while (this.#take("elseif"));
    if (this.#take("else")) this.#block();
    this.#expect("end", opened);
  }

  #for(opened: { readonly what: string; readonly line: number }): void {
    this.#at++;
    this.#name();
    if (this.#take("=")) {
      this.#expression();
      this.#expect(",");
      this.#expression();
      if (this.#take(",")) this.#expression();
    } else {
      if (this.#take(",")) this.#names();
      if (!this.#is("in")) this.#fail('"=" or "in" expected');
      this.#at++;
      this.#expressions();
    }
    this.#expect("do");
    this.#loop(() => this.#block());
    this.#expect("end", opened);
  }

  #local(opened: { readonly what: string; readonly line: number }): void {
    this.#at++;
    if (this.#take("function")) {
      this.#name();
      return this.#function(opened);
    }
    this.#names();
    if (this.#take("=")) this.#expressions();
  }

  #function(opened: { readonly what: string; readonly line: number }): void {
    this.#expect("(");
    let varargs = false;
    if (!this.#is(")")) {
      do {
        if (this.#take("...")) {
          varargs = true;
          break;
        }
        this.#name();
      } while (this.#take(","));
    }
    this.#expect(")");
    const outer = this.#scope;
    this.#scope = { varargs, loops: 0 };
    this.#block();
    this.#scope = outer;
    this.#expect("end", { ...opened, what: "function" });
  }

  #callOrAssignment(): void {
    let form = this.#suffixed();
    if (!this.#is("=") && !this.#is(",")) {
      if (form !== "call") this.#fail("a call or an assignment expected");
      return;
    }
    for (;;) {
      if (form !== "variable") this.#fail("what stands before cannot be assigned to");
      if (!this.#take(",")) break;
      form = this.#suffixed();
    }
    this.#expect("=");
    this.#expressions();
  }

  #expressions(): void {
    do this.#expression();
    while (this.#take(","));
  }

  #expression(): void {
    this.#deeper(() => {
      for (;;) {
        while (this.#now.kind !== "string" && unary.has(this.#now.text)) this.#at++;
        this.#simple();
        if (this.#now.kind === "string" || this.#now.kind === "name" || !binary.has(this.#now.text)) return;
        this.#at++;
      }
    });
  }

  #simple(): void {
    const { kind, text, line } = this.#now;
    if (kind === "number" || kind === "string" || (kind === "keyword" && literals.has(text))) {
      this.#at++;
      return;
    }
    if (this.#is("...")) {
      if (!this.#scope.varargs) this.#fail("the function takes no further arguments");
      this.#at++;
      return;
    }
    if (this.#is("{")) return this.#table();
    if (this.#take("function")) return this.#function({ what: text, line });
    this.#suffixed();
  }

  #suffixed(): Expression {
    let form: Expression;
    if (this.#is("(")) {
      const opened = { what: "(", line: this.#now.line };
      this.#at++;
      this.#expression();
      this.#expect(")", opened);
      form = "value";
    } else {
      if (!this.#isName(this.#now)) this.#fail("unexpected");
      this.#at++;
      form = "variable";
    }
    for (;;) {
      if (this.#take(".")) {
        this.#name();
        form = "variable";
      } else if (this.#take("[")) {
        this.#expression();
        this.#expect("]");
        form = "variable";
      } else if (this.#take(":")) {
        this.#name();
        if (!this.#arguments()) this.#fail("arguments expected");
        form = "call";
      } else if (this.#arguments()) form = "call";
      else return form;
    }
  }

  #arguments(): boolean {
    if (this.#now.kind === "string") {
      this.#at++;
      return true;
    }
    if (this.#is("{")) {
      this.#table();
      return true;
    }
    if (!this.#is("(")) return false;
    const opened = { what: "(", line: this.#now.line };
    this.#at++;
    if (!this.#is(")")) this.#expressions();
    this.#expect(")", opened);
    return true;
  }

  #table(): void {
    const opened = { what: "{", line: this.#now.line };
    this.#expect("{");
    this.#deeper(() => {
      while (!this.#is("}")) {
        if (this.#take("[")) {
          this.#expression();
          this.#expect("]");
          this.#expect("=");
        } else if (this.#isName(this.#now) && this.#next.kind === "sign" && this.#next.text === "=") {
          this.#at += 2;
        }
        this.#expression();
        if (!this.#take(",") && !this.#take(";")) break;
      }
    });
    this.#expect("}", opened);
  }
}
