import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { startAdminFront } from "./admin-front.ts";
import type { AdminServer } from "./admin-port.ts";
import { KeptChild } from "./child.ts";
import { sleep } from "./clock.ts";
import { drainEnvoy, quitEnvoy } from "./drain.ts";
import { envoyLogReader } from "./envoy-log.ts";
import { spawnEnvoy, waitAnswering } from "./envoy.ts";
import { FatalError } from "./fatal.ts";
import { parseControlPlaneMessage } from "./ipc.ts";
import type { SupervisorMessage } from "./ipc.ts";
import { recordProcess } from "./orphans.ts";
import { bootstrapKeeper, prepare, type PrepareOptions } from "./prepare.ts";
import { systemProcesses } from "./processes.ts";
import { createReadiness } from "./readiness.ts";
import type { RunDir } from "./run-dir.ts";
import { type Patience, watchControlPlane } from "./watchdog.ts";

/** Of `process`: where signals come from. */
export interface SignalSource {
  on(event: StopSignal, listener: () => void): unknown;
  off(event: StopSignal, listener: () => void): unknown;
}

export type StopSignal = "SIGTERM" | "SIGINT" | "SIGHUP";
const stopSignals: readonly StopSignal[] = ["SIGTERM", "SIGINT", "SIGHUP"];

export interface SuperviseOptions extends PrepareOptions {
  /** The control plane's command line, the run directory among its arguments: an orphan is known by it. */
  readonly controlPlane: (runDir: RunDir) => { readonly command: string; readonly args: readonly string[] };
  /** `process`. */
  readonly signals: SignalSource;
  /** With a control plane that does not answer. */
  readonly patience?: Patience;
}

type Stop =
  | { readonly kind: "signal"; readonly signal: StopSignal }
  | { readonly kind: "fatal"; readonly message: string; readonly exitCode: number };

const controlPlaneBackOff = { maxMs: 5000, resetAfterMs: 30_000 };
/** One that had become ready ended for a reason that a new one may well survive, and while there is none, no change goes live. */
const provenBackOff = { maxMs: 1000, resetAfterMs: 30_000 };
const envoyBackOff = { maxMs: 10_000, resetAfterMs: 30_000 };
/** An Envoy that has ended so often and has never answered will not: a wrong binary, or flags it does not take. */
const maxEarlyEnvoyEnds = 3;
const gentleIdleMs = 2000;
const quickDrainMs = 1000;
const childGraceMs = 3000;
/** One Ctrl-C comes twice under npm: from the terminal to the whole process group, and passed on by npm. */
const sameSignalMs = 300;

/** Runs the gateway until a signal or a failure that no restart cures; resolves with the exit code, when nothing of it is left. */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { log } = options;
  try {
    return await new Supervisor(options, await prepare(options)).run();
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    log.error(error.message);
    return error.exitCode;
  }
}

class Supervisor {
  readonly #options: SuperviseOptions;
  readonly #runDir: RunDir;
  readonly #processes = systemProcesses();
  readonly #envoy: KeptChild;
  readonly #controlPlane: KeptChild;
  readonly #keepBootstrap: () => void;
  /** Aborted by a second signal. */
  readonly #hurry = new AbortController();
  readonly #stopRequested: Promise<Stop>;
  #requestStop: (stop: Stop) => void = () => undefined;
  /** Of the Envoy that runs now, whichever control plane has told. */
  readonly #readiness = createReadiness({ serves: true });
  #stopping = false;
  #firstSignalMs: number | undefined;
  /** What was told last of Envoy. */
  #envoyState: SupervisorMessage | undefined;
  #envoyHasAnswered = false;
  #controlPlaneWasReady = false;
  /** An Envoy has had a whole configuration. */
  #hasServed = false;
  /** The control plane has said why it ends; another one would end for the same reason. */
  #isHopeless = false;
  #earlyEnvoyEnds = 0;

  constructor(options: SuperviseOptions, runDir: RunDir) {
    this.#options = options;
    this.#runDir = runDir;
    this.#stopRequested = new Promise((resolve) => {
      this.#requestStop = resolve;
    });
    this.#keepBootstrap = bootstrapKeeper(runDir, options.log);
    this.#envoy = this.#makeEnvoy();
    this.#controlPlane = this.#makeControlPlane();
  }

  async run(): Promise<number> {
    const { settings, log, signals } = this.#options;
    const killAtExit = () => this.#killNow();
    process.once("exit", killAtExit);
    const onSignal = stopSignals.map((signal) => [signal, () => this.#onSignal(signal)] as const);
    for (const [signal, listener] of onSignal) signals.on(signal, listener);
    let front: AdminServer | undefined;
    try {
      front = await startAdminFront({
        at: { address: settings.adminAddress, port: settings.adminPort },
        readiness: this.#readiness.now,
        controlSocketPath: this.#runDir.controlSocketPath,
        log: log.child("admin"),
      });
      this.#envoy.start();
      this.#controlPlane.start();
      const stop = await this.#stopRequested;
      this.#stopping = true;
      if (stop.kind === "fatal") log.error(stop.message);
      else log.info(`${stop.signal}: stopping`);
      if (stop.kind === "signal") await this.#drain(stop.signal);
      await this.#endChildren(stop.kind === "signal");
      log.debug("stopped");
      return stop.kind === "signal" ? 0 : stop.exitCode;
    } finally {
      await front?.close();
      for (const [signal, listener] of onSignal) signals.off(signal, listener);
      this.#killNow();
      process.off("exit", killAtExit);
      this.#runDir.remove();
    }
  }

  #makeEnvoy(): KeptChild {
    const { settings, limits, envoyPath, clock, log } = this.#options;
    const reader = envoyLogReader(log.child("envoy"));
    const { envoyLogLevel, drainTimeMs } = settings;
    const { bootstrapPath } = this.#runDir;
    return new KeptChild({
      title: "Envoy",
      spawn: () => {
        this.#keepBootstrap();
        const { concurrency } = limits;
        return spawnEnvoy({ envoyPath, bootstrapPath, logLevel: envoyLogLevel, drainTimeMs, concurrency }, reader);
      },
      backOff: () => envoyBackOff,
      clock,
      log,
      onStarted: (child, pid, restarts) => {
        this.#readiness.envoyStarted(pid);
        recordProcess({ runDir: this.#runDir, processes: this.#processes, log, role: "envoy", pid });
        this.#envoyState = { type: "envoyStarted", pid, restarts };
        this.#tell(this.#envoyState);
        void this.#noteFirstAnswer(child);
      },
      onEnded: ({ how }) => {
        this.#readiness.envoyEnded(how);
        this.#envoyState = { type: "envoyEnded", how };
        this.#tell(this.#envoyState);
        // In a drain nobody is served by an Envoy that starts anew.
        if (this.#stopping) return false;
        if (this.#envoyHasAnswered || ++this.#earlyEnvoyEnds < maxEarlyEnvoyEnds) return true;
        const reason = reader.lastError();
        const message = `Envoy (${envoyPath}) does not start: it ${how}${reason === undefined ? "" : `: ${reason}`}`;
        this.#requestStop({ kind: "fatal", message, exitCode: 1 });
        return false;
      },
    });
  }

  #makeControlPlane(): KeptChild {
    const { controlPlane, patience, clock, log } = this.#options;
    return new KeptChild({
      title: "control plane",
      spawn: () => {
        const { command, args } = controlPlane(this.#runDir);
        // A session of its own, like Envoy's: Ctrl-C is the supervisor's to handle.
        return spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], detached: true });
      },
      backOff: () => (this.#controlPlaneWasReady ? provenBackOff : controlPlaneBackOff),
      clock,
      log,
      onStarted: (child, pid, restarts) => {
        recordProcess({ runDir: this.#runDir, processes: this.#processes, log, role: "control-plane", pid });
        this.#controlPlaneWasReady = false;
        child.on("message", (value) => this.#onMessage(value));
        void watchControlPlane(child, { socketPath: this.#runDir.controlSocketPath, patience, clock, log });
        this.#tell({ type: "controlPlaneStarted", restarts });
        if (this.#envoyState !== undefined) this.#tell(this.#envoyState);
        if (this.#stopping) this.#tell({ type: "draining" });
      },
      onEnded: ({ how, pid }) => {
        this.#endGroup(pid);
        this.#readiness.waitingFor(`the control plane ${how} and is being started again`);
        return !this.#isHopeless;
      },
    });
  }

  async #noteFirstAnswer(child: ChildProcess): Promise<void> {
    if (this.#envoyHasAnswered) return;
    const ended = new AbortController();
    child.once("exit", () => ended.abort());
    const options = { clock: this.#options.clock, timeoutMs: 30_000, signal: ended.signal };
    if (await waitAnswering(this.#runDir.adminSocketPath, options)) this.#envoyHasAnswered = true;
  }

  #onMessage(value: unknown): void {
    const message = parseControlPlaneMessage(value);
    if (message === undefined) return;
    if (message.type === "fatal") {
      // An Envoy that serves is worth more than an end: the directory of manifests may be on its way back.
      if (this.#hasServed) return this.#options.log.error(message.message);
      this.#isHopeless = true;
      return this.#requestStop({ kind: "fatal", message: message.message, exitCode: message.exitCode });
    }
    if (message.type === "waiting") return this.#readiness.waitingFor(message.reason);
    this.#controlPlaneWasReady = true;
    // What an Envoy acknowledged that has ended meanwhile is no longer there.
    if (message.envoyPid === this.#envoy.process?.pid) {
      this.#readiness.acknowledged();
      this.#hasServed = true;
    }
    this.#options.log.debug("the control plane is ready");
  }

  #onSignal(signal: StopSignal): void {
    const nowMs = this.#options.clock.now();
    const isFirst = this.#firstSignalMs === undefined;
    this.#firstSignalMs ??= nowMs;
    if (!isFirst && nowMs - this.#firstSignalMs > sameSignalMs) {
      this.#options.log.warn(`${signal} again: stopping at once`);
      this.#hurry.abort();
    }
    this.#requestStop({ kind: "signal", signal });
  }

  /** SIGTERM: load balancers first, then the connections. SIGINT and a closed terminal: a person waits. */
  async #drain(signal: StopSignal): Promise<void> {
    const { settings, clock, log } = this.#options;
    const gently = signal === "SIGTERM";
    this.#readiness.drain();
    this.#tell({ type: "draining" });
    if (gently && settings.drainDelayMs > 0) {
      log.info("not ready any more, waiting for load balancers to move on", { forMs: settings.drainDelayMs });
      await sleep(clock, settings.drainDelayMs, this.#hurry.signal);
    }
    if (this.#hurry.signal.aborted || this.#envoy.process === undefined || !this.#envoyHasAnswered) return;
    await drainEnvoy({
      adminSocketPath: this.#runDir.adminSocketPath,
      timeoutMs: gently ? settings.drainTimeMs : Math.min(quickDrainMs, settings.drainTimeMs),
      idleMs: gently ? gentleIdleMs : 0,
      hasEnded: () => this.#envoy.process === undefined,
      signal: this.#hurry.signal,
      clock,
      log,
    });
  }

  async #endChildren(mayTakeTime: boolean): Promise<void> {
    const graceMs = mayTakeTime ? childGraceMs : 1000;
    const hurry = this.#hurry.signal;
    if (hurry.aborted) this.#killNow();
    else hurry.addEventListener("abort", () => this.#killNow(), { once: true });
    this.#envoy.leaveEnded();
    if (this.#envoy.process !== undefined && (await quitEnvoy(this.#runDir.adminSocketPath))) {
      // A timer that is left would keep this process for the rest of the grace.
      const ended = new AbortController();
      const grace = sleep(this.#options.clock, graceMs, AbortSignal.any([hurry, ended.signal]));
      await Promise.race([this.#envoy.ended(), grace]);
      ended.abort();
    }
    await this.#envoy.stop("SIGTERM", graceMs);
    const controlPlanePid = this.#controlPlane.process?.pid;
    await this.#controlPlane.stop("SIGTERM", graceMs);
    this.#endGroup(controlPlanePid);
  }

  /** The last resort, and harmless when they have ended. */
  #killNow(): void {
    this.#envoy.leaveEnded();
    this.#envoy.process?.kill("SIGKILL");
    this.#controlPlane.leaveEnded();
    const controlPlane = this.#controlPlane.process;
    controlPlane?.kill("SIGKILL");
    this.#endGroup(controlPlane?.pid);
  }

  /** A control plane that was killed could not end its own children, such as a validator; they are in its process group. */
  #endGroup(leaderPid: number | undefined): void {
    if (leaderPid !== undefined) this.#processes.signal(-leaderPid, "SIGKILL");
  }

  #tell(message: SupervisorMessage): void {
    const child = this.#controlPlane.process;
    // The channel may close at any time; whoever comes next is told anew.
    if (child?.connected === true) child.send(message, () => undefined);
  }
}
