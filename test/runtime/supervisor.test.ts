import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fs from "node:fs";
import path from "node:path";
import { systemClock } from "../../runtime/clock.ts";
import { adminRequest, waitAnswering } from "../../runtime/envoy.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "./eventually.ts";
import { cleanUp, Gateway, isAlive, makeBase } from "./gateway-process.ts";
import type { GatewayOptions } from "./processes/gateway.ts";

let base: string;
let gateways: Gateway[];

beforeEach(() => {
  base = makeBase();
  gateways = [];
});

afterEach(() => cleanUp(base, gateways));

function start(options: Partial<GatewayOptions> = {}): Gateway {
  const gateway = new Gateway(base, options);
  gateways.push(gateway);
  return gateway;
}

async function startedPids(gateway: Gateway) {
  const { from: controlPlane } = await gateway.message("started");
  const { pid: envoy = 0 } = await gateway.message("envoyStarted", ({ from }) => from === controlPlane);
  const socketPath = await gateway.adminSocket();
  expect(await waitAnswering(socketPath, { clock: systemClock, timeoutMs: 10_000 })).toBe(true);
  return { controlPlane, envoy, socketPath };
}

describe("a control plane that is killed", () => {
  it("is started again, at once, while Envoy keeps its process, and is told where Envoy is", async () => {
    const gateway = start();
    const { controlPlane, envoy } = await startedPids(gateway);
    process.kill(controlPlane, "SIGKILL");
    const again = await gateway.message("started", ({ from }) => from !== controlPlane);
    const told = await gateway.message("envoyStarted", ({ from }) => from === again.from);
    expect(told).toMatchObject({ pid: envoy, restarts: 0 });
    await gateway.message("controlPlaneStarted", ({ restarts }) => restarts === 1);
    expect(await gateway.recorded("envoy")).toBe(envoy);
    expect(gateway.output).toMatch(/warn .*control plane was killed by SIGKILL, starting it again .*inMs=0/);
  });

  it("takes no Envoy that serves with it, though the next one says that it cannot run", async () => {
    const gateway = start({ behaviour: "fatal-later" });
    const { controlPlane, envoy } = await startedPids(gateway);
    await gateway.logged(/the control plane is ready/);
    process.kill(controlPlane, "SIGKILL");
    const { from: second } = await gateway.message("fatal");
    await gateway.message("started", ({ from }) => from !== controlPlane && from !== second);
    expect(gateway.output).toMatch(/error gateway: the admin port 8877 is held by another process/);
    expect(await gateway.recorded("envoy")).toBe(envoy);
    expect(gateway.child.exitCode).toBeNull();
  });

  it("takes its own children with it", async () => {
    const gateway = start({ behaviour: "with-child" });
    const { controlPlane } = await startedPids(gateway);
    const { pid: child = 0 } = await gateway.message("child");
    process.kill(controlPlane, "SIGKILL");
    await eventually("the child of the control plane is gone", () => !isAlive(child));
  });
});

describe("an Envoy that is killed", () => {
  it("is started again while the control plane keeps its process, which is told the new PID and the count", async () => {
    const gateway = start();
    const { controlPlane, envoy, socketPath } = await startedPids(gateway);
    process.kill(envoy, "SIGKILL");
    const told = await gateway.message("envoyStarted", ({ restarts }) => restarts === 1);
    expect(told.from).toBe(controlPlane);
    expect(told.pid).not.toBe(envoy);
    expect(await waitAnswering(socketPath, { clock: systemClock, timeoutMs: 10_000 })).toBe(true);
    expect(await gateway.recorded("control-plane")).toBe(controlPlane);
  });

  it("is started again though somebody has taken its bootstrap away", async () => {
    const gateway = start();
    const { envoy, socketPath } = await startedPids(gateway);
    const bootstrap = path.join(path.dirname(socketPath), "bootstrap.json");
    const written = fs.readFileSync(bootstrap, "utf8");
    fs.rmSync(bootstrap);
    process.kill(envoy, "SIGKILL");
    await gateway.message("envoyStarted", ({ restarts }) => restarts === 1);
    expect(fs.readFileSync(bootstrap, "utf8")).toBe(written);
    expect(await waitAnswering(socketPath, { clock: systemClock, timeoutMs: 10_000 })).toBe(true);
  });
});

describe("a signal", () => {
  it("SIGTERM: tells the control plane, waits the drain delay, ends both and leaves nothing behind, with exit code 0", async () => {
    const gateway = start({ drainDelaySeconds: 1 });
    const { controlPlane, envoy, socketPath } = await startedPids(gateway);
    const signalledMs = performance.now();
    gateway.child.kill("SIGTERM");
    await gateway.message("draining");
    // Still serving, so that load balancers have the time.
    expect((await adminRequest(socketPath, { method: "GET", path: "/server_info" })).status).toBe(200);
    expect(await gateway.exited).toBe(0);
    expect(performance.now() - signalledMs).toBeGreaterThanOrEqual(1000);
    expect([isAlive(controlPlane), isAlive(envoy)]).toEqual([false, false]);
    expect(gateway.files()).toEqual([]);
  });

  it("SIGINT: ends without the drain delay", async () => {
    const gateway = start({ drainDelaySeconds: 600 });
    const { controlPlane, envoy } = await startedPids(gateway);
    gateway.child.kill("SIGINT");
    expect(await gateway.exited).toBe(0);
    expect([isAlive(controlPlane), isAlive(envoy)]).toEqual([false, false]);
    expect(gateway.files()).toEqual([]);
  });

  it("a second one ends everything at once; the same one twice is one, as npm sends it", async () => {
    const gateway = start({ drainDelaySeconds: 600, behaviour: "stubborn" });
    const { controlPlane, envoy } = await startedPids(gateway);
    gateway.child.kill("SIGTERM");
    gateway.child.kill("SIGTERM");
    await gateway.message("draining");
    const firstMs = performance.now();
    await eventually("time passes", () => performance.now() - firstMs > 400);
    expect(isAlive(envoy)).toBe(true);
    gateway.child.kill("SIGINT");
    expect(await gateway.exited).toBe(0);
    expect([isAlive(controlPlane), isAlive(envoy)]).toEqual([false, false]);
    expect(gateway.files()).toEqual([]);
  });

  it("is told again to a control plane that comes up in the middle of it", async () => {
    const gateway = start({ drainDelaySeconds: 600 });
    const { controlPlane } = await startedPids(gateway);
    gateway.child.kill("SIGTERM");
    await gateway.message("draining", ({ from }) => from === controlPlane);
    process.kill(controlPlane, "SIGKILL");
    await gateway.message("draining", ({ from }) => from !== controlPlane);
  });

  it("ends a control plane that ignores it", async () => {
    const gateway = start({ behaviour: "stubborn" });
    const { controlPlane } = await startedPids(gateway);
    gateway.child.kill("SIGTERM");
    expect(await gateway.exited).toBe(0);
    expect(gateway.messages().map(({ type }) => type)).toContain("SIGTERM ignored");
    expect(isAlive(controlPlane)).toBe(false);
  });
});

describe("a supervisor that is killed", () => {
  it("takes the control plane with it; the Envoy that is left is ended by the next start of the same gateway", async () => {
    const first = start();
    const { controlPlane, envoy } = await startedPids(first);
    first.child.kill("SIGKILL");
    await first.exited;
    await eventually("the control plane has left by itself", () => !isAlive(controlPlane));
    expect(isAlive(envoy)).toBe(true);

    const second = start({ messageFile: path.join(base, "second.jsonl") });
    const next = await startedPids(second);
    expect(isAlive(envoy)).toBe(false);
    expect(next.envoy).not.toBe(envoy);
    expect(second.output).toMatch(
      new RegExp(`warn .*ended what a killed gateway had left behind role=envoy pid=${envoy} by=SIGTERM`),
    );
    second.child.kill("SIGINT");
    expect(await second.exited).toBe(0);
  });

  it("does not get a process ended that only has the PID of its Envoy", async () => {
    const first = start();
    const { envoy } = await startedPids(first);
    first.child.kill("SIGKILL");
    await first.exited;
    process.kill(envoy, "SIGKILL");
    await eventually("Envoy is gone", () => !isAlive(envoy));
    const record = path.join(base, "run", first.files().find((name) => name.endsWith("envoy.pid")) ?? "");
    fs.writeFileSync(record, JSON.stringify({ role: "envoy", pid: process.pid, startTime: "1" }));
    const second = start({ messageFile: path.join(base, "second.jsonl") });
    await startedPids(second);
    expect(second.output).not.toMatch(/left behind/);
  });
});

describe("two gateways", () => {
  it("with the same identity: the second one says which PID has it, and harms nothing", async () => {
    const first = start();
    const { envoy } = await startedPids(first);
    const second = start({ messageFile: path.join(base, "second.jsonl") });
    expect(await second.exited).toBe(1);
    expect(second.output).toMatch(new RegExp(`error .*already running as PID ${first.pid} .*--admin-port`));
    expect(isAlive(envoy)).toBe(true);
    expect(await first.recorded("envoy")).toBe(envoy);
  });

  it("with different admin ports run side by side", async () => {
    const first = start();
    const second = start({ adminPort: await freePort(), messageFile: path.join(base, "second.jsonl") });
    const [one, other] = [await startedPids(first), await startedPids(second)];
    expect(one.envoy).not.toBe(other.envoy);
    second.child.kill("SIGINT");
    expect(await second.exited).toBe(0);
    expect(isAlive(one.envoy)).toBe(true);
  });
});

describe("a failure that no restart cures", () => {
  it("told by the control plane: everything is stopped, with its message and exit code", async () => {
    const gateway = start({ behaviour: "fatal" });
    expect(await gateway.exited).toBe(3);
    expect(gateway.output).toMatch(/error gateway: the admin port 8877 is held by another process/);
    expect(gateway.output).not.toMatch(/starting it again/);
    expect(gateway.files()).toEqual([]);
  });

  it("no Envoy at the path", async () => {
    const gateway = start({ envoyPath: "/nowhere/envoy" });
    expect(await gateway.exited).toBe(1);
    expect(gateway.output).toMatch(/error gateway: cannot run Envoy at \/nowhere\/envoy: ENOENT.*--envoy/);
  });

  it("an Envoy that ends again and again before it has ever answered", async () => {
    const script = path.join(base, "envoy");
    fs.writeFileSync(script, "#!/bin/sh\necho '[critical][main] no such option' >&2\nexit 7\n", { mode: 0o755 });
    const gateway = start({ envoyPath: script });
    expect(await gateway.exited).toBe(1);
    expect(gateway.output).toMatch(
      /error gateway: Envoy \(.*envoy\) does not start: it exited with code 7: no such option/,
    );
    expect(gateway.files()).toEqual([]);
  });

  it("a run directory that is too long for sockets", async () => {
    const gateway = start({ runDirBase: path.join(base, "x".repeat(90)) });
    expect(await gateway.exited).toBe(1);
    expect(gateway.output).toMatch(
      /error gateway: the run directory .*xxx.* is too long .*107; name a shorter folder with --run-dir/,
    );
  });
});
