import type { ChildProcess } from "node:child_process";
import { noFailures, restartDelay } from "./back-off.ts";
import type { BackOffOptions } from "./back-off.ts";
import type { Clock } from "./clock.ts";
import { errorText } from "./fatal.ts";
import type { Log } from "./log.ts";

export interface KeptChildOptions {
  /** For people: `Envoy`, `control plane`. */
  readonly title: string;
  readonly spawn: () => ChildProcess;
  /** Asked when it has ended. */
  readonly backOff: () => BackOffOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** Each time it runs; `restarts` is 0 the first time. */
  readonly onStarted: (child: ChildProcess, pid: number, restarts: number) => void;
  /** Each time it ended without being told to. Answer false to leave it ended. */
  readonly onEnded: (ending: ChildEnding) => boolean;
}

export interface ChildEnding {
  /** `was killed by SIGKILL`, `exited with code 1`, `could not be started: spawn envoy ENOENT`. */
  readonly how: string;
  readonly pid: number | undefined;
  readonly livedMs: number;
}

/** A child process that is started again whenever it ends, until it is stopped. */
export class KeptChild {
  readonly #options: KeptChildOptions;
  #current: { readonly child: ChildProcess; readonly gone: Promise<void> } | undefined;
  #backOff = noFailures;
  #restarts = 0;
  #stopped = false;
  #cancelRestart: () => void = () => undefined;

  constructor(options: KeptChildOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped) return;
    const { clock, log, onStarted, title } = this.#options;
    const startedMs = clock.now();
    const child = this.#spawn();
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => {
      const ended = (how: string) => {
        if (this.#current?.child !== child) return;
        this.#current = undefined;
        resolve();
        this.#onEnded({ how, pid: child.pid, livedMs: clock.now() - startedMs });
      };
      // `error` also comes when a signal could not be sent: only without a PID does it mean that nothing was started.
      child.on("error", (error) => {
        if (child.pid === undefined) ended(`could not be started: ${error.message}`);
      });
      child.on("exit", (code, signal) =>
        ended(signal === null ? `exited with code ${code ?? "?"}` : `was killed by ${signal}`),
      );
    });
    this.#current = { child, gone };
    if (child.pid === undefined) return; // the error event follows
    log.debug(`${title} started`, { pid: child.pid, restarts: this.#restarts });
    onStarted(child, child.pid, this.#restarts);
  }

  /** The running process, if there is one. */
  get process(): ChildProcess | undefined {
    return this.#current?.child;
  }

  /** Not started again after this, however it ends. Resolves when it is gone. */
  async stop(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    this.leaveEnded();
    const current = this.#current;
    if (current === undefined) return;
    const { clock, log, title } = this.#options;
    const cancel = clock.setTimer(graceMs, () => {
      log.warn(`${title} does not end, killing it`, { pid: current.child.pid, afterMs: graceMs });
      current.child.kill("SIGKILL");
    });
    current.child.kill(signal);
    await current.gone;
    cancel();
  }

  /** It may run on, but is not started again. Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    this.leaveEnded();
    await this.#current?.gone;
  }

  /** Not started again from now on. */
  leaveEnded(): void {
    this.#stopped = true;
    this.#cancelRestart();
  }

  /** Undefined, and told, when the system refuses at once (no memory, no more processes). */
  #spawn(): ChildProcess | undefined {
    try {
      return this.#options.spawn();
    } catch (error) {
      this.#onEnded({ how: `could not be started: ${errorText(error)}`, pid: undefined, livedMs: 0 });
      return undefined;
    }
  }

  #onEnded(ending: ChildEnding): void {
    const { backOff, clock, log, onEnded, title } = this.#options;
    if (this.#stopped) return;
    const again = onEnded(ending);
    // `onEnded` may have stopped us.
    if (!again || this.#stopped) return;
    const [state, delayMs] = restartDelay(this.#backOff, ending.livedMs, backOff());
    this.#backOff = state;
    this.#restarts += 1;
    log.warn(`${title} ${ending.how}, starting it again`, {
      pid: ending.pid,
      livedMs: Math.round(ending.livedMs),
      inMs: delayMs,
    });
    this.#cancelRestart = clock.setTimer(delayMs, () => this.start());
  }
}
