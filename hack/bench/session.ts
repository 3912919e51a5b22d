/** Everything that a run starts, so that its end, or Ctrl-C, leaves nothing of it. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

type Closer = () => unknown;

/** Ends what was started in it, the latest first. */
export class Scope {
  readonly #closers: Closer[] = [];
  #isClosed = false;

  /** Throws, when all was ended already, so that nothing more is started; what was is ended at once. */
  defer(closer: Closer): void {
    if (this.#isClosed) {
      void closer();
      throw new Error("stopped");
    }
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer();
      } catch (error) {
        process.stderr.write(`bench: while tidying up: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  }
}

export class Session extends Scope {
  /** Short, for the sockets in it. */
  readonly directory: string;
  readonly #startedMs = performance.now();
  readonly #scopes = new Set<Scope>();
  readonly #title: string;
  #isStopping = false;

  /** @param title of the command, before each line that it says */
  constructor(title = "bench") {
    super();
    this.#title = title;
    const base = os.tmpdir().length <= 20 ? os.tmpdir() : "/tmp";
    this.directory = fs.mkdtempSync(path.join(base, "nb-"));
    this.defer(() => fs.rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (this.#isStopping) return;
        this.#isStopping = true;
        this.say(`${signal}: stopping what was started ...`);
        void this.close().then(() => process.exit(130));
      });
    }
  }

  /** A signal came: what fails from now on fails because it was ended, and the process ends by itself. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  say(line: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${this.#title} ${seconds} s  ${line}\n`);
  }

  /** Runs a part whose processes end with it. */
  async scope<T>(run: (scope: Scope) => Promise<T>): Promise<T> {
    if (this.#isStopping) throw new Error("stopped");
    const scope = new Scope();
    this.#scopes.add(scope);
    try {
      return await run(scope);
    } finally {
      await scope.close();
      this.#scopes.delete(scope);
    }
  }

  override async close(): Promise<void> {
    for (const scope of [...this.#scopes].reverse()) await scope.close();
    await super.close();
  }
}
