import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../paths.mjs";
import { DemoError } from "./demo.ts";

export const program = path.join(root, "dist/nuncio.js");
/** Of the demo's own requests: in the access log nobody wants to see them. */
export const probeUserAgent = "nuncio-demo";
const readyMs = 30_000;
/** The gateway needs less than 5 s to end, whatever its clients do. */
const endMs = 10_000;
const lastWordsMs = 200;

export interface ProcessOptions {
  /** For people: `gateway`. */
  readonly title: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly onOutput: (line: string) => void;
  readonly onLog: (line: string) => void;
}

/** A `nuncio` command as a process of its own. */
export class NuncioProcess {
  readonly #title: string;
  readonly #child: ChildProcess;
  /** Resolves when it has ended, with how: `exited with code 1`. */
  readonly ended: Promise<string>;

  constructor({ title, args, env, onOutput, onLog }: ProcessOptions) {
    this.#title = title;
    const child = spawn(process.execPath, [program, ...args], {
      cwd: root,
      // Out of the terminal's process group: a Ctrl-C comes to the demo alone, which passes it on.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...withoutSettings(process.env), ...env },
    });
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.on("error", (error) => resolve(`could not be started: ${error.message}`));
      child.on("exit", (code, signal) => {
        const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
        // Its last words first. Envoy has the same outputs, and survives a gateway that is killed.
        child.on("close", () => resolve(how));
        setTimeout(() => resolve(how), lastWordsMs);
      });
    });
    readline.createInterface({ input: child.stdout }).on("line", onOutput);
    readline.createInterface({ input: child.stderr }).on("line", onLog);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when each of the addresses has answered with 200. */
  async answers(urls: readonly string[]): Promise<void> {
    const endsAt = Date.now() + readyMs;
    let ended: string | undefined;
    void this.ended.then((how) => (ended = how));
    for (const url of urls) {
      while (!(await isOk(url))) {
        if (ended !== undefined)
          throw new DemoError(`the ${this.#title} ${ended} before it was ready; what it said stands above`);
        if (Date.now() > endsAt) throw new DemoError(`${url} does not answer with 200 after ${readyMs / 1000} s`);
        await sleep(20);
      }
    }
  }

  /** As Ctrl-C. A second one hurries its end. */
  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.interrupt();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), endMs);
    await this.ended;
    clearTimeout(late);
  }
}

/** What is set for another gateway would have the examples pass unseen (AMBASSADOR_ID), or the log unreadable. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(AMBASSADOR|AES)_/.test(name)));
}

async function isOk(url: string): Promise<boolean> {
  try {
    const headers = { "user-agent": probeUserAgent };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
