import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../../hack/paths.mjs";
import { eventually } from "../support/eventually.ts";

/** `npm run demo` without npm: the process, what it prints, and what is on the machine because of it. */
export class DemoProcess {
  readonly #child: ChildProcess;
  readonly exited: Promise<number | string>;
  output = "";

  constructor() {
    this.#child = spawn(process.execPath, [path.join(root, "hack/demo.ts")], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.exited = new Promise((resolve) => this.#child.on("close", (code, signal) => resolve(signal ?? code ?? "?")));
  }

  /** Waits for the page that says what to try. */
  async ready(): Promise<void> {
    await this.printed(/Ctrl-C ends everything/, 40_000);
  }

  async printed(pattern: RegExp, timeoutMs = 15_000): Promise<RegExpExecArray> {
    return eventually(`${pattern} in what the demo printed`, () => pattern.exec(this.output), { timeoutMs }).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; it printed:\n${this.output}`);
      },
    );
  }

  /** The commands that the page tells to try, in order. */
  commands(): readonly string[] {
    return [...this.output.matchAll(/^ {2}((?:curl|sed) .*)$/gm)].map(([, command]) => command ?? "");
  }

  get directory(): string {
    return /copied to (\S+)/.exec(this.output)?.[1] ?? "";
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Command lines of running processes that name the demo's directory: the gateway, its control plane and Envoy do. */
  processes(): readonly string[] {
    const directory = this.directory;
    return fs.readdirSync("/proc").flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const line = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return line.includes(directory) ? [line] : [];
      } catch {
        return []; // ended meanwhile
      }
    });
  }

  /** For a test that failed: nothing may outlive it. */
  async end(): Promise<void> {
    this.signal("SIGINT");
    await this.exited;
  }
}
