import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "./eventually.ts";
import { adminPort, cleanUp, Gateway, isAlive, makeBase } from "./gateway-process.ts";
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

async function get(path: string): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
  return { status: response.status, body: await response.text() };
}

const isReady = () => get("/readyz").then(({ status }) => (status === 200 ? true : undefined));

describe("the admin port", () => {
  it("says that the gateway is ready while a control plane that was killed is away, and that it is alive", async () => {
    const gateway = start();
    const { from: controlPlane } = await gateway.message("started");
    await eventually("ready", isReady);
    process.kill(controlPlane, "SIGKILL");
    const answers: number[] = [];
    await eventually("another control plane", async () => {
      answers.push((await get("/readyz")).status, (await get("/healthz")).status);
      return gateway.messages().find(({ type, from }) => type === "started" && from !== controlPlane);
    });
    expect(answers.length).toBeGreaterThan(2);
    expect(answers.filter((status) => status !== 200)).toEqual([]);
  });

  it("says that the gateway is not ready from an Envoy's end until the next one has its configuration", async () => {
    const gateway = start();
    const { pid: envoy = 0 } = await gateway.message("envoyStarted");
    await eventually("ready", isReady);
    process.kill(envoy, "SIGKILL");
    const { body } = await eventually("not ready", async () => {
      const answer = await get("/readyz");
      return answer.status === 503 ? answer : undefined;
    });
    expect(body).toMatch(/^not ready: Envoy (was killed by SIGKILL and is being started again|has started again)/);
    await eventually("ready again", isReady);
  });

  it("says what the first configuration waits for", async () => {
    start({ behaviour: "waiting" });
    await eventually("the reason", async () => {
      const { status, body } = await get("/readyz").catch(() => ({ status: 0, body: "" }));
      return status === 503 && body === "not ready: something has not come\n" ? true : undefined;
    });
    expect((await get("/healthz")).status).toBe(200);
  });

  it("passes everything else on, and says so where nobody answers", async () => {
    const gateway = start();
    const { from: controlPlane } = await gateway.message("started");
    expect(await get("/metrics?x=1")).toEqual({ status: 200, body: `${controlPlane} answers /metrics?x=1` });
    expect((await fetch(`http://127.0.0.1:${adminPort}/metrics`, { method: "POST" })).status).toBe(405);
    process.kill(controlPlane, "SIGKILL");
    await eventually("503, then the next one", async () => {
      const { status, body } = await get("/metrics");
      if (status === 503) expect(body).toMatch(/the control plane does not answer/);
      return status === 200 && !body.startsWith(`${controlPlane} `) ? true : undefined;
    });
  });

  it("that another process holds ends the gateway, which says so", async () => {
    const first = start();
    await first.message("started");
    const second = start({ runDirBase: `${base}/other`, messageFile: `${base}/second.jsonl` });
    expect(await second.exited).toBe(1);
    expect(second.output).toMatch(new RegExp(`the admin port ${adminPort} .* held by another process.*--admin-port`));
  });
});

describe("a control plane that does not answer", () => {
  it("is killed after a while and started again, while Envoy keeps its process", async () => {
    const gateway = start({ patience: { everyMs: 1000, misses: 3 } });
    const { from: controlPlane } = await gateway.message("started");
    const { pid: envoy = 0 } = await gateway.message("envoyStarted");
    process.kill(controlPlane, "SIGSTOP");
    await gateway.message("started", ({ from }) => from !== controlPlane);
    expect(isAlive(controlPlane)).toBe(false);
    expect(isAlive(envoy)).toBe(true);
    await gateway.logged(/error .*the control plane does not answer, killing it .*forMs=3000/);
  });
});
