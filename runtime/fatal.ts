import { types } from "node:util";

/** A failure that was foreseen and that the person at the terminal must put right: its message is the whole output, no stack. */
export class FatalError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = "FatalError";
    this.exitCode = exitCode;
  }
}

/** The `code` of an error of Node's system calls (`ENOENT`), or undefined. */
export function errorCode(error: unknown): string | undefined {
  return isError(error) && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The text of whatever was thrown, for a log line. */
export function errorText(error: unknown): string {
  return isError(error) ? error.message : String(error);
}

/** Not instanceof: under jest, Node's own errors come from another realm. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value);
}
