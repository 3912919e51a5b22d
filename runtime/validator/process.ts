import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import type { AdsEvent, Log as AdsLog } from "../../xds/server/events.ts";
import { type AdsServer, createAdsServer } from "../../xds/server/server.ts";
import type { Harness } from "../../xds/resources/harness.ts";
import { emptySnapshot, type Snapshot, type XdsResource } from "../../xds/snapshot.ts";
import { envoyRuntimeFlags } from "../../xds/static/runtime-flags.ts";
import { dynamicResources, type JsonObject } from "../bootstrap.ts";
import type { Clock } from "../clock.ts";
import { envoyArguments } from "../envoy.ts";
import { envoyLogReader } from "../envoy-log.ts";
import { errorText } from "../fatal.ts";
import type { Log } from "../log.ts";

/** No longer than the room that run-dir.ts keeps for it. */
const SOCKET_NAME = "validator.sock";

export interface ProcessOptions {
  readonly envoyPath: string;
  /** Of mode 0700: private keys go through the socket in it. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStarted?: ((pid: number) => void) | undefined;
}

/** What became of a question. */
export type Outcome =
  /** Envoy's words for what it refused, by name. */
  | { readonly kind: "answered"; readonly refused: ReadonlyMap<string, string> }
  /** It never came as far as asking for anything. */
  | { readonly kind: "notStarted"; readonly reason: string }
  /** It ended with the question before it. */
  | { readonly kind: "ended"; readonly how: string }
  /** It says nothing any more, and has been ended. */
  | { readonly kind: "silent"; readonly afterMs: number };

const START_MS = 5000;

/** An Envoy that serves nobody and its ADS server. Asked one question at a time; started by the first, and by the next one after its end. */
export class ValidatorProcess {
  readonly #options: ProcessOptions;
  readonly #killAtExit = () => void this.#child?.kill("SIGKILL");
  #server: AdsServer | undefined;
  #child: ChildProcess | undefined;
  #isConnected = false;
  #onEvent: (event: AdsEvent | { readonly kind: "exit"; readonly how: string }) => void = () => undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    process.once("exit", this.#killAtExit);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @param answerMs how long Envoy may take for it once it has started */
  async ask(harnesses: readonly Harness[], answerMs: number): Promise<Outcome> {
    const { clock } = this.#options;
    try {
      this.#server ??= await this.#openServer();
      if (this.#child === undefined) this.#spawn();
    } catch (error) {
      return { kind: "notStarted", reason: errorText(error) };
    }
    const server = this.#server;
    const snapshot = snapshotOf(harnesses);
    return new Promise((resolve) => {
      let cancel = () => {};
      const done = (outcome: Outcome) => {
        cancel();
        this.#onEvent = () => undefined;
        resolve(outcome);
      };
      const limit = () => {
        cancel();
        cancel = clock.setTimer(this.#isConnected ? answerMs : START_MS, () => {
          done(
            this.#isConnected
              ? { kind: "silent", afterMs: answerMs }
              : { kind: "notStarted", reason: "it is too slow" },
          );
          this.end();
        });
      };
      this.#onEvent = (event) => {
        if (event.kind === "streamOpened") limit();
        if (event.kind === "exit")
          done(this.#isConnected ? { kind: "ended", how: event.how } : { kind: "notStarted", reason: event.how });
        if (event.kind !== "acknowledged" || event.snapshot !== snapshot) return;
        done({
          kind: "answered",
          refused: new Map(event.refused.map(({ name, message }) => [name, bare(message, name)])),
        });
      };
      server.setSnapshot(snapshot);
      limit();
    });
  }

  /** Until the next question there is no process. */
  end(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
    this.#onEvent({ kind: "exit", how: "was ended" });
    this.#isConnected = false;
    // Nothing of what it was asked is kept, and nothing is sent to the next one before it is asked.
    this.#server?.setSnapshot(emptySnapshot);
  }

  async close(): Promise<void> {
    process.off("exit", this.#killAtExit);
    this.end();
    await this.#server?.close();
    this.#server = undefined;
    fs.rmSync(this.#bootstrapPath, { force: true });
  }

  get #bootstrapPath(): string {
    return path.join(this.#options.directory, "validator.json");
  }

  #openServer(): Promise<AdsServer> {
    const { directory, log } = this.#options;
    return createAdsServer({
      socketPath: path.join(directory, SOCKET_NAME),
      log: quiet(log),
      graceMs: 0,
      onEvent: (event) => {
        if (event.kind === "streamOpened") this.#isConnected = true;
        this.#onEvent(event);
      },
    });
  }

  #spawn(): void {
    const { directory, envoyPath, log, onStarted } = this.#options;
    const bootstrapPath = this.#bootstrapPath;
    const reader = envoyLogReader(quiet(log) as Log);
    fs.writeFileSync(bootstrapPath, JSON.stringify(bootstrap(path.join(directory, SOCKET_NAME))), { mode: 0o600 });
    // In the process group of its owner, whose supervisor ends the whole group; what scripts print is nobody's log.
    const child = spawn(
      envoyPath,
      envoyArguments({ envoyPath, bootstrapPath, logLevel: "error", drainTimeMs: 0, concurrency: 1 }),
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child = child;
    this.#isConnected = false;
    readline.createInterface({ input: child.stderr }).on("line", (line) => reader.line(line));
    const ended = (how: string) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      const reason = reader.lastError();
      this.#onEvent({ kind: "exit", how: reason === undefined ? how : `${how}: ${reason}` });
      this.#isConnected = false;
    };
    child.on("error", (error) => ended(`could not be started: ${error.message}`));
    child.on("exit", (code, signal) =>
      ended(signal === null ? `exited with code ${code ?? "?"}` : `was killed by ${signal}`),
    );
    if (child.pid !== undefined) onStarted?.(child.pid);
  }
}

function bootstrap(socketPath: string): JsonObject {
  return {
    node: { id: "validator", cluster: "validator" },
    ...dynamicResources(socketPath),
    layered_runtime: { layers: [{ name: "static", static_layer: { ...envoyRuntimeFlags } }] },
    stats_config: { stats_matcher: { reject_all: true } },
  };
}

function snapshotOf(harnesses: readonly Harness[]): Snapshot {
  const named = (type: Harness["type"]) =>
    new Map(
      harnesses.flatMap((each): [string, XdsResource][] =>
        each.type === type ? [[each.resource.name, each.resource]] : [],
      ),
    );
  return { ...emptySnapshot, cluster: named("cluster"), listener: named("listener") };
}

/** Envoy's reason alone: neither its own words around it nor the name, which means nothing to anybody. */
function bare(message: string, name: string): string {
  const start = message.indexOf(`${name}: `);
  return (start < 0 ? message : message.slice(start + name.length + 2)).trim();
}

/** Its refusals are what it is there for: they are told as problems of objects. */
function quiet(log: Log): AdsLog {
  const debug: AdsLog["debug"] = (message, fields) => log.debug(message, fields);
  return { debug, info: debug, warn: debug, error: debug };
}
