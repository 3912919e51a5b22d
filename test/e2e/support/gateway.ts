import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { adminRequest } from "../../../runtime/envoy.ts";
import { systemProcesses } from "../../../runtime/processes.ts";
import { freePort, request } from "../../cluster/loopback.ts";
import { eventually, type EventuallyOptions } from "../../support/eventually.ts";
import type { Bundle } from "./bundle.ts";

export interface GatewayOptions {
  readonly bundle: Bundle;
  readonly kubeconfig: string;
  /** AMBASSADOR_* and the like. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `nuncio run`. */
  readonly args?: readonly string[];
  /** A gateway started again with the same two is the same gateway. Default: new ones. */
  readonly adminPort?: number;
  readonly dir?: string;
}

/** One response of the control plane to Envoy, from the debug log. */
export interface Sent {
  readonly type: string;
  readonly names: number;
  readonly removed: number;
}

const processes = systemProcesses();

/** A moment in the log. */
export type Mark = number;

/** `nuncio run` against a cluster: a child process as a user starts it, with debug log and one Envoy worker. */
export class Gateway {
  readonly adminPort: number;
  /** Holds the run directory. */
  readonly dir: string;
  readonly child: ChildProcess;
  /** Exit code or signal. */
  readonly exited: Promise<number | string>;
  readonly #lifeline: ChildProcess;
  #log = "";
  #accessLog = "";

  private constructor(options: GatewayOptions, adminPort: number) {
    const { bundle, kubeconfig, env = {}, args = [] } = options;
    this.adminPort = adminPort;
    // Short: sockets are made in it.
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), "ne2e-"));
    const own = [
      "--envoy",
      bundle.envoy,
      "--admin-port",
      String(adminPort),
      "--run-dir",
      this.dir,
      "--log-level",
      "debug",
    ];
    this.child = spawn(process.execPath, [bundle.program, "run", ...own, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: this.dir,
        KUBECONFIG: kubeconfig,
        ENVOY_CONCURRENCY: "1",
        AMBASSADOR_ENVOY_BIND_ADDRESS: "127.0.0.1",
        AMBASSADOR_HEALTHCHECK_BIND_ADDRESS: "127.0.0.1",
        ...env,
      },
    });
    this.child.stderr?.on("data", (chunk: Buffer) => (this.#log += chunk.toString()));
    this.child.stdout?.on("data", (chunk: Buffer) => (this.#accessLog += chunk.toString()));
    this.exited = new Promise((done) => this.child.once("exit", (code, signal) => done(signal ?? code ?? "?")));
    // Ends the gateway when this process is gone, however it went. (Under jest `process.on("exit")` never fires.)
    this.#lifeline = spawn("sh", ["-c", 'read _ || kill -INT "$0"', String(this.child.pid)], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#lifeline.unref();
  }

  static async start(options: GatewayOptions): Promise<Gateway> {
    return new Gateway(options, options.adminPort ?? (await freePort()));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** All of it so far. */
  get log(): string {
    return this.#log;
  }

  get accessLog(): string {
    return this.#accessLog;
  }

  mark(): Mark {
    return this.#log.length;
  }

  since(mark: Mark): string {
    return this.#log.slice(mark);
  }

  /** Responses with which configuration went to Envoy. */
  sent(since: Mark = 0): readonly Sent[] {
    const pattern = /debug xds: sent .*?type=(\w+) .*?names=(\d+) removed=(\d+)/g;
    return [...this.since(since).matchAll(pattern)].map(([, type = "", names, removed]) => ({
      type,
      names: Number(names),
      removed: Number(removed),
    }));
  }

  /** `eventually`, with the end of the log in the error. */
  async until<T>(what: string, probe: () => T | Promise<T>, options: EventuallyOptions = {}) {
    try {
      return await eventually(what, probe, options);
    } catch (error) {
      const end = this.#log.trimEnd().split("\n").slice(-40).join("\n");
      throw new Error(
        `${String(error)}\nlast: ${String((error as Error).cause)}\nthe end of the gateway's log:\n${end}`,
        {
          cause: error,
        },
      );
    }
  }

  /** Resolves with the first line that matches. */
  logged(pattern: RegExp, since: Mark = 0, options: EventuallyOptions = {}): Promise<string> {
    const find = () =>
      this.since(since)
        .split("\n")
        .find((line) => pattern.test(line));
    return this.until(`${pattern} in the log`, find, options);
  }

  /** Envoy has acknowledged a snapshot after this moment. */
  async acknowledged(since: Mark): Promise<void> {
    await this.logged(/debug xds: snapshot acknowledged/, since);
  }

  /** Undefined while nobody listens there. */
  async readyz(): Promise<{ readonly status: number; readonly body: string } | undefined> {
    return await request(`http://127.0.0.1:${this.adminPort}/readyz`).catch(() => undefined);
  }

  async ready(options: EventuallyOptions = {}): Promise<void> {
    await this.until("/readyz says 200", async () => (await this.readyz())?.status === 200, {
      timeoutMs: 30_000,
      ...options,
    });
  }

  /** The gateway's own metrics: `nuncio_xds_pushes_total{type="route"}` and its value. */
  async metric(name: string): Promise<number> {
    const { body } = await request(`http://127.0.0.1:${this.adminPort}/metrics`);
    const line = body.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length + 1));
  }

  /** PID of the running child of that role; undefined while there is none. */
  pidOf(role: "envoy" | "control-plane" | "validator"): number | undefined {
    const file = this.#file(`${role}.pid`);
    if (file === undefined) return undefined;
    try {
      const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
      return pid > 0 && isAlive(pid) ? pid : undefined;
    } catch {
      return undefined; // being written
    }
  }

  async envoyAdmin(path: string): Promise<string> {
    const socket = this.#file("admin.sock");
    if (socket === undefined) throw new Error("Envoy has no admin socket yet");
    return (await adminRequest(socket, { method: "GET", path })).body;
  }

  /** Sends a signal to the supervisor and waits until it has left. */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal);
    return await this.exited;
  }

  /** SIGINT, or worse if that does not do; takes away what is left. May be called again. */
  async stop({ keepDir = false } = {}): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const kill = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
      await this.end("SIGINT");
      clearTimeout(kill);
    }
    // A supervisor that was killed leaves its Envoy behind.
    for (const role of ["envoy", "control-plane", "validator"] as const) {
      const pid = this.pidOf(role);
      if (pid !== undefined && processes.commandLine(pid).includes(this.dir)) processes.signal(pid, "SIGKILL");
    }
    this.#lifeline.kill();
    if (!keepDir) rmSync(this.dir, { recursive: true, force: true });
  }

  #file(name: string): string | undefined {
    if (!existsSync(this.dir)) return undefined;
    const found = readdirSync(this.dir, { recursive: true }).map(String);
    const file = found.find((each) => basename(each) === name);
    return file === undefined ? undefined : join(this.dir, file);
  }
}

export function isAlive(pid: number): boolean {
  return processes.find(pid) !== undefined;
}
