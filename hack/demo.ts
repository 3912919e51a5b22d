// `npm run demo`: the examples, live, on this machine: two sample services and the gateway in front of them. Nothing is left at its end.
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Backend, hello, quote, startBackend } from "./demo/backends.ts";
import { logLines } from "./demo/log-lines.ts";
import { copyManifests, freePort } from "./demo/manifests.ts";
import { page } from "./demo/page.ts";
import { root } from "./paths.mjs";

class DemoError extends Error {}

const program = path.join(root, "dist/nuncio.js");
const examples = path.join(root, "examples");
/** Of the first Listener in the examples, and the paths that must answer before the demo says that it is ready. */
const examplePort = 8080;
const firstPaths = ["/quote/", "/hello/"];
const readyMs = 30_000;
/** The gateway needs less than 5 s to end, whatever its clients do. */
const endMs = 10_000;

const say = (line: string) => process.stdout.write(`${line}\n`);
const step = (line: string) => say(`demo: ${line}`);

/** Sockets in it must not pass 107 bytes, which a long TMPDIR would. */
function makeDirectory(): string {
  const base = os.tmpdir().length <= 40 ? os.tmpdir() : "/tmp";
  return fs.mkdtempSync(path.join(base, "nuncio-demo-"));
}

class Demo {
  readonly #directory = makeDirectory();
  readonly #lines = logLines();
  readonly #backends: Backend[] = [];
  #gateway: ChildProcess | undefined;
  #gatewayEnded: Promise<string> = new Promise(() => undefined);
  #isReady = false;
  #isStopping = false;

  async start(bindAddress: string): Promise<void> {
    for (const [name, port, answer] of [
      ["quote", 9001, quote],
      ["hello", 9002, hello("hello")],
      ["hello-next", 9003, hello("hello-next")],
    ] as const) {
      this.#backends.push(await startBackend(name, port, answer));
    }
    step(`sample services: ${this.#backends.map(({ name, port }) => `${name} on port ${port}`).join(", ")}`);
    const backends = new Map(this.#backends.map(({ port }, index) => [9001 + index, port]));
    const { listeners, moved } = await copyManifests({ from: examples, to: this.#directory, bindAddress, backends });
    step(`manifests: examples/ copied to ${this.#directory}`);
    for (const { file, what, from, to } of moved)
      step(`${from} is taken on this machine: ${what} in ${file} is now ${to}`);
    const adminPort = await freePort(8877, "127.0.0.1");
    if (this.#isStopping) return;
    step("gateway: starting Envoy and its control plane ...");
    const startedMs = Date.now();
    this.#startGateway(adminPort, bindAddress);
    const port = listeners.get(examplePort) ?? examplePort;
    const host = bindAddress === "0.0.0.0" ? "127.0.0.1" : bindAddress;
    await this.#waitReady([
      `http://127.0.0.1:${adminPort}/readyz`,
      ...firstPaths.map((each) => `http://${host}:${port}${each}`),
    ]);
    step(`gateway: ready after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
    say(page({ directory: this.#directory, host, port, adminPort }));
    this.#isReady = true;
  }

  /** Resolves when the gateway ends, with how. */
  get gatewayEnded(): Promise<string> {
    return this.#gatewayEnded;
  }

  #startGateway(adminPort: number, bindAddress: string): void {
    const flags = ["--config", this.#directory, "--admin-port", String(adminPort), "--log-level", "debug"];
    // Hidden, so that nothing in it is taken for a manifest.
    const runDir = path.join(this.#directory, ".run");
    const gateway = spawn(process.execPath, [program, "run", ...flags, "--run-dir", runDir], {
      cwd: root,
      // Out of the terminal's process group: a Ctrl-C comes to the demo alone, which passes it on.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...withoutSettings(process.env), AMBASSADOR_ENVOY_BIND_ADDRESS: bindAddress },
    });
    this.#gateway = gateway;
    this.#gatewayEnded = new Promise((resolve) => {
      gateway.on("error", (error) => resolve(`could not be started: ${error.message}`));
      gateway.on("close", (code, signal) =>
        resolve(signal === null ? `exited with code ${code}` : `was killed by ${signal}`),
      );
    });
    readline.createInterface({ input: gateway.stdout }).on("line", (line) => {
      if (this.#isReady) say(this.#lines.access(line));
    });
    readline.createInterface({ input: gateway.stderr }).on("line", (line) => {
      const shown = this.#lines.log(line);
      if (shown !== undefined && (this.#isReady || shown.isAlarm)) say(shown.text);
    });
  }

  async #waitReady(urls: readonly string[]): Promise<void> {
    const endsAt = Date.now() + readyMs;
    let ended: string | undefined;
    void this.#gatewayEnded.then((how) => (ended = how));
    for (const url of urls) {
      while (!(await answers(url))) {
        if (ended !== undefined)
          throw new DemoError(`the gateway ${ended} before it was ready; what it said stands above`);
        if (Date.now() > endsAt) throw new DemoError(`${url} does not answer with 200 after ${readyMs / 1000} s`);
        await sleep(20);
      }
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const gateway = this.#gateway;
    if (gateway !== undefined && gateway.exitCode === null && gateway.signalCode === null) {
      gateway.kill("SIGINT");
      const late = setTimeout(() => gateway.kill("SIGKILL"), endMs);
      await this.#gatewayEnded;
      clearTimeout(late);
    }
    for (const backend of this.#backends) await backend.close();
    this.removeDirectory();
  }

  removeDirectory(): void {
    fs.rmSync(this.#directory, { recursive: true, force: true });
  }

  /** A second Ctrl-C: the gateway stops at once. */
  hurry(): void {
    this.#gateway?.kill("SIGINT");
  }
}

/** What is set for another gateway would have the examples pass unseen (AMBASSADOR_ID), or the log unreadable. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(AMBASSADOR|AES)_/.test(name)));
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Ctrl-C, kill, and a terminal that is closed. A second one hurries the end. */
function stopSignal(onAgain: () => void): Promise<"stop"> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (!isFirst) onAgain();
        isFirst = false;
        resolve("stop");
      });
    }
  });
}

async function main(): Promise<void> {
  // A reader that went away (`npm run demo | head`) must not keep us from tidying up.
  process.stdout.on("error", () => undefined);
  if (!fs.existsSync(program)) throw new DemoError("dist/nuncio.js is missing; run `npm run setup`");
  const demo = new Demo();
  process.on("exit", () => demo.removeDirectory());
  const stopped = stopSignal(() => demo.hurry());
  try {
    // Only this machine may call, unless told otherwise.
    const started = demo.start(process.env["AMBASSADOR_ENVOY_BIND_ADDRESS"] ?? "127.0.0.1");
    started.catch(() => undefined); // a signal that comes first ends the gateway, and with it the start
    if ((await Promise.race([started, stopped])) !== "stop") {
      const ended = await Promise.race([demo.gatewayEnded, stopped]);
      if (ended !== "stop") throw new DemoError(`the gateway ${ended}; what it said stands above`);
    }
    step("stopping ...");
  } finally {
    await demo.stop();
  }
  step("stopped; nothing is left");
}

try {
  await main();
} catch (error) {
  if (!(error instanceof DemoError)) throw error;
  process.stderr.write(`demo: ${error.message}\n`);
  process.exitCode = 1;
}
