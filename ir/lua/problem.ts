import { Parser, TooDeep } from "./syntax.ts";
import { LuaError, tokensOf } from "./tokens.ts";

export interface LuaProblem {
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

/**
 * Why a script is not Lua as LuaJIT reads it, or undefined. It is not run, and in doubt it is Lua: what only a run can tell,
 * and what builds of LuaJIT differ in, is left to Envoy, which refuses the script and keeps the one before.
 */
export function luaProblem(script: string): LuaProblem | undefined {
  try {
    new Parser(tokensOf(script)).script();
    return undefined;
  } catch (error) {
    if (error instanceof TooDeep) return undefined;
    if (error instanceof LuaError) return { line: error.line, message: error.message };
    throw error;
  }
}
