import { type ChildProcess, execFile, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import { root } from "../../hack/paths.mjs";
import { eventually } from "../support/eventually.ts";

export interface DemoOptions {
  readonly args?: readonly string[];
  /** Another copy of the repository. */
  readonly base?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** `npm run demo` without npm: the process, what it prints, and what is on the machine because of it. */
export class DemoProcess {
  readonly #child: ChildProcess;
  readonly exited: Promise<number | string>;
  output = "";

  constructor({ args = [], base = root, env = {} }: DemoOptions = {}) {
    this.#child = spawn(process.execPath, [path.join(base, "hack/demo.ts"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.exited = new Promise((resolve) => this.#child.on("close", (code, signal) => resolve(signal ?? code ?? "?")));
  }

  /** Waits for the page that says what to try. */
  async ready(timeoutMs = 40_000): Promise<void> {
    await this.printed(/Ctrl-C ends everything/, timeoutMs);
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
    return [...this.output.matchAll(/^ {2}((?:curl|sed|cat|\S+\/kubectl|\.) .*)$/gm)].map(
      ([, command]) => command ?? "",
    );
  }

  get directory(): string {
    return /^demo: (?:files:|manifests: .* copied to) ([^\s,]+)/m.exec(this.output)?.[1] ?? "";
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

/** Runs a command that the demo printed, as a person pastes it. */
export async function paste(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    command.replace(/^curl /, "curl -sS --fail --noproxy '*' "),
  ]);
  return stdout;
}

/** Takes a port, so that the demo has to take another one. Waits for who has it: another demo would give it back too soon. */
export function hold(port: number, address = "127.0.0.1"): Promise<net.Server> {
  const take = () =>
    new Promise<net.Server | undefined>((resolve) => {
      const server = net.createServer((socket) => socket.destroy());
      server.once("error", () => resolve(undefined));
      server.listen(port, address, () => resolve(server));
    });
  return eventually(`port ${port} of ${address} is free`, take, { timeoutMs: 120_000, everyMs: 250 });
}
