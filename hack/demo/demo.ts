import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** What `npm run demo` runs: the standalone one, or the one in a cluster. */
export interface Demo {
  /** Resolves when everything that it prints to try works. */
  start(bindAddress: string): Promise<void>;
  /** Resolves when a process that it cannot do without ends, with how. */
  readonly ended: Promise<string>;
  /** Ends everything, in good order; may be called while it starts. */
  stop(): Promise<void>;
  /** A second Ctrl-C: no more waiting. */
  hurry(): void;
  /** At once, for an exit that leaves no time. */
  removeDirectory(): void;
}

/** Foreseen: its message is all that is printed. */
export class DemoError extends Error {}

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
export const step = (line: string): void => say(`demo: ${line}`);

/** Sockets in it must not pass 107 bytes, which a long TMPDIR would. */
export function makeDirectory(): string {
  const base = os.tmpdir().length <= 40 ? os.tmpdir() : "/tmp";
  return fs.mkdtempSync(path.join(base, "nuncio-demo-"));
}
