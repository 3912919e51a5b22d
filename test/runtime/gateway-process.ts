import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { envoyPath } from "../../hack/paths.mjs";
import { systemProcesses } from "../../runtime/processes.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "./eventually.ts";
import type { GatewayOptions } from "./processes/gateway.ts";

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, "../..");

export { envoyPath };

const processes = systemProcesses();

/** Of all gateways of a test file, unless they say otherwise. */
export const adminPort = await freePort();

export const isAlive = (pid: number): boolean => processes.find(pid) !== undefined;

export interface Message {
  readonly type: string;
  readonly from: number;
  readonly pid?: number;
  readonly restarts?: number;
}

/** A gateway process of tests/runtime/processes/gateway.ts, and what can be seen of it. */
export class Gateway {
  readonly child: ChildProcess;
  readonly exited: Promise<number | string>;
  readonly #messageFile: string;
  readonly #base: string;
  output = "";

  constructor(base: string, options: Partial<GatewayOptions> = {}) {
    this.#base = base;
    this.#messageFile = options.messageFile ?? path.join(base, "messages.jsonl");
    const all: GatewayOptions = {
      envoyPath,
      runDirBase: path.join(base, "run"),
      adminPort,
      messageFile: this.#messageFile,
      behaviour: "ready",
      ...options,
    };
    const script = path.join(here, "processes/gateway.ts");
    // The test's own Node: process.execPath, under jest too.
    this.child = spawn(process.execPath, [script, JSON.stringify(all)], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.exited = new Promise((resolve) => this.child.on("exit", (code, signal) => resolve(signal ?? code ?? "?")));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  messages(): readonly Message[] {
    if (!fs.existsSync(this.#messageFile)) return [];
    const lines = fs.readFileSync(this.#messageFile, "utf8").trimEnd().split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Message);
  }

  message(type: string, accept: (message: Message) => boolean = () => true): Promise<Message> {
    const find = () => this.messages().find((message) => message.type === type && accept(message));
    return eventually(`message ${type}; the gateway said:\n${this.output}`, find, 15_000);
  }

  /** Of the run directory: everything under the base. */
  files(): readonly string[] {
    const run = path.join(this.#base, "run");
    return fs.existsSync(run) ? fs.readdirSync(run, { recursive: true }).map(String) : [];
  }

  /** The PID on record that is not `not`. */
  recorded(role: "envoy" | "control-plane", not?: number): Promise<number> {
    return eventually(`a new ${role} on record; the gateway said:\n${this.output}`, () => {
      const file = this.files().find((name) => path.basename(name) === `${role}.pid`);
      if (file === undefined) return undefined;
      const { pid } = JSON.parse(fs.readFileSync(path.join(this.#base, "run", file), "utf8")) as { pid: number };
      return pid !== not && isAlive(pid) ? pid : undefined;
    });
  }

  /** Envoy's admin socket answers. */
  async adminSocket(): Promise<string> {
    const name = await eventually(
      "admin socket",
      () => this.files().find((file) => file.endsWith("admin.sock")),
      15_000,
    );
    return path.join(this.#base, "run", name);
  }

  logged(pattern: RegExp): Promise<true> {
    return eventually(
      `${pattern} in the log:\n${this.output}`,
      () => (pattern.test(this.output) ? true : undefined),
      15_000,
    );
  }
}

/** A directory for one test with a short path: sockets are made in it. */
export function makeBase(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), "nun-"));
}

/** Ends whatever a failed test has left. Only processes with the base in their command line. */
export function cleanUp(base: string, gateways: readonly Gateway[]): void {
  for (const gateway of gateways) gateway.child.kill("SIGKILL");
  for (const name of fs.readdirSync("/proc")) {
    const pid = Number(name);
    if (Number.isInteger(pid) && pid !== process.pid && processes.commandLine(pid).includes(base))
      processes.signal(pid, "SIGKILL");
  }
  fs.rmSync(base, { recursive: true, force: true });
}
