import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import readline from "node:readline";
import type { AgentLine } from "../../integrations/waf/agent.ts";

type Judged = Extract<AgentLine, { readonly judged: string }>;
type Logged = Extract<AgentLine, { readonly logged: string }>;

/** The stand-in agent, as a process. What it said outlives it. */
export class WafAgent {
  readonly port: number;
  readonly judged: Judged[] = [];
  readonly logged: Logged[] = [];
  #child: ChildProcess | undefined;

  constructor(port: number) {
    this.port = port;
  }

  /** Resolves once it listens; also after its end. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "integrations/waf/agent.ts"], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, WAF_LISTEN: `127.0.0.1:${this.port}` },
    });
    this.#child = child;
    const listening = new Promise<void>((done, fail) => {
      readline.createInterface({ input: child.stdout }).on("line", (text) => {
        const line = JSON.parse(text) as AgentLine;
        if ("listening" in line) done();
        else if ("judged" in line) this.judged.push(line);
        else this.logged.push(line);
      });
      child.once("exit", () => fail(new Error("the agent has ended")));
    });
    await listening;
  }

  /** Does nothing any more, and ends no connection. */
  hang(): void {
    this.#child?.kill("SIGSTOP");
  }

  goOn(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
}
