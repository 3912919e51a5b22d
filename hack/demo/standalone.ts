import fs from "node:fs";
import path from "node:path";
import { root } from "../paths.mjs";
import { type Backend, samples, startBackend } from "./backends.ts";
import { type Demo, makeDirectory, say, step } from "./demo.ts";
import { logLines } from "./log-lines.ts";
import { copyManifests, freePort } from "./manifests.ts";
import { page } from "./page.ts";
import { NuncioProcess, probeUserAgent } from "./process.ts";

export const examples = path.join(root, "examples");
/** Of the first Listener in the examples, and the paths that must answer before the demo says that it is ready. */
export const examplePort = 8080;
export const firstPaths = ["/quote/", "/hello/"];

/** The examples as files: two sample services and the gateway in front of them. */
export class StandaloneDemo implements Demo {
  readonly #directory = makeDirectory();
  readonly #lines = logLines();
  readonly #backends: Backend[] = [];
  #gateway: NuncioProcess | undefined;
  #setEnded: (how: string) => void = () => undefined;
  readonly ended = new Promise<string>((resolve) => (this.#setEnded = resolve));
  #isReady = false;
  #isStopping = false;

  async start(bindAddress: string): Promise<void> {
    for (const { name, port, answer } of samples) {
      this.#backends.push(await startBackend({ name, port, answer }));
    }
    step(`sample services: ${this.#backends.map(({ name, port }) => `${name} on port ${port}`).join(", ")}`);
    const backends = new Map(this.#backends.map(({ port }, index) => [samples[index]?.port ?? 0, port]));
    const { listeners, moved } = await copyManifests({ from: examples, to: this.#directory, bindAddress, backends });
    step(`manifests: examples/ copied to ${this.#directory}`);
    for (const { file, what, from, to } of moved)
      step(`${from} is taken on this machine: ${what} in ${file} is now ${to}`);
    const adminPort = await freePort(8877, "127.0.0.1");
    if (this.#isStopping) return;
    step("gateway: starting Envoy and its control plane ...");
    const startedMs = Date.now();
    const gateway = this.#startGateway(adminPort, bindAddress);
    const port = listeners.get(examplePort) ?? examplePort;
    const host = bindAddress === "0.0.0.0" ? "127.0.0.1" : bindAddress;
    await gateway.answers([
      `http://127.0.0.1:${adminPort}/readyz`,
      ...firstPaths.map((each) => `http://${host}:${port}${each}`),
    ]);
    step(`gateway: ready after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
    say(page({ directory: this.#directory, host, port, adminPort }));
    this.#isReady = true;
  }

  #startGateway(adminPort: number, bindAddress: string): NuncioProcess {
    const flags = ["--config", this.#directory, "--admin-port", String(adminPort), "--log-level", "debug"];
    // Hidden, so that nothing in it is taken for a manifest.
    const runDir = path.join(this.#directory, ".run");
    const gateway = new NuncioProcess({
      title: "gateway",
      args: ["run", ...flags, "--run-dir", runDir],
      env: { AMBASSADOR_ENVOY_BIND_ADDRESS: bindAddress },
      onOutput: (line) => {
        if (this.#isReady && !line.includes(`"${probeUserAgent}"`)) say(this.#lines.access(line));
      },
      onLog: (line) => {
        const shown = this.#lines.log(line);
        if (shown !== undefined && (this.#isReady || shown.isAlarm)) say(shown.text);
      },
    });
    this.#gateway = gateway;
    void gateway.ended.then((how) => this.#setEnded(`the gateway ${how}`));
    return gateway;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#gateway?.stop();
    for (const backend of this.#backends) await backend.close();
    this.removeDirectory();
  }

  removeDirectory(): void {
    fs.rmSync(this.#directory, { recursive: true, force: true });
  }

  hurry(): void {
    this.#gateway?.interrupt();
  }
}
