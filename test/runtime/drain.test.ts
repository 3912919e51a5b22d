import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../runtime/clock.ts";
import { drainEnvoy, loadOf, quitEnvoy } from "../../runtime/drain.ts";
import type { DrainOptions } from "../../runtime/drain.ts";
import { eventually } from "./eventually.ts";
import { makeBase } from "./gateway-process.ts";
import { memoryLog } from "./memory-log.ts";
import { startStaticEnvoy } from "./static-envoy.ts";
import type { StaticEnvoy } from "./static-envoy.ts";

let directory: string;
let envoy: StaticEnvoy;
let port: number;
let upstream: http.Server;
/** Answers to requests for /slow, given by the test. */
let waiting: http.ServerResponse[];

beforeEach(async () => {
  directory = makeBase();
  waiting = [];
  upstream = http.createServer((request, response) => {
    if (request.url === "/slow") waiting.push(response);
    else response.end("ok");
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  port = await freePort();
  envoy = await startStaticEnvoy({ directory, port, upstreamPort: (upstream.address() as AddressInfo).port });
});

afterEach(async () => {
  await envoy.stop();
  upstream.closeAllConnections();
  upstream.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: free } = server.address() as AddressInfo;
  server.close();
  return free;
}

async function get(
  path: string,
  agent?: http.Agent,
): Promise<{ status: number; connection: string | undefined; body: string }> {
  const request = http.get({ host: "127.0.0.1", port, path, agent: agent ?? false });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, connection: response.headers.connection, body };
}

function drain(options: Partial<DrainOptions> = {}) {
  const log = memoryLog();
  const startedMs = performance.now();
  const done = drainEnvoy({
    adminSocketPath: envoy.adminSocketPath,
    timeoutMs: 30_000,
    idleMs: 30_000,
    hasEnded: () => envoy.child.exitCode !== null || envoy.child.signalCode !== null,
    signal: new AbortController().signal,
    clock: systemClock,
    log,
    ...options,
  }).then(() => performance.now() - startedMs);
  return { log, done };
}

describe("a drain", () => {
  it("is over at once when nobody is connected", async () => {
    expect(await drain().done).toBeLessThan(1000);
  });

  it("waits for the request in flight, which is answered and told to close its connection", async () => {
    const agent = new http.Agent({ keepAlive: true });
    expect(await get("/", agent)).toMatchObject({ status: 200, connection: undefined });
    const slow = get("/slow", agent);
    await eventually("the request is with the upstream", () => waiting.length === 1);
    const { log, done } = drain();
    await eventually("the drain has begun", () =>
      log.lines.some((line) => /info test: draining .*"requests":1/.test(line)),
    );
    let isOver = false;
    void done.then(() => (isOver = true));
    // Others are served meanwhile.
    expect(await get("/")).toMatchObject({ status: 200, connection: "close" });
    expect(isOver).toBe(false);
    waiting[0]?.end("late");
    expect(await slow).toMatchObject({ status: 200, body: "late", connection: "close" });
    await done;
    expect(log.lines.at(-1)).toMatch(/info test: drained/);
    agent.destroy();
  });

  it("does not wait for connections that nobody uses", async () => {
    const idle = net.connect(port, "127.0.0.1");
    await once(idle, "connect");
    idle.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await once(idle, "data");
    const { log, done } = drain({ idleMs: 300 });
    expect(await done).toBeLessThan(3000);
    expect(log.lines.at(-1)).toMatch(/drained but for idle connections {"connections":1/);
    idle.destroy();
  });

  it("gives up when its time is over, saying what is left", async () => {
    const slow = get("/slow").catch(() => undefined);
    await eventually("the request is with the upstream", () => waiting.length === 1);
    const { log, done } = drain({ timeoutMs: 500 });
    expect(await done).toBeLessThan(2000);
    expect(log.lines.at(-1)).toMatch(
      /warn test: the drain time is over, closing what is left {"connections":1,"requests":1}/,
    );
    await envoy.stop();
    await slow;
  });

  it("goes on with an Envoy that does not answer for a while", async () => {
    const slow = get("/slow");
    await eventually("the request is with the upstream", () => waiting.length === 1);
    // Longer than an answer is waited for.
    envoy.child.kill("SIGSTOP");
    const { log, done } = drain();
    let isOver = false;
    void done.then(() => (isOver = true));
    await sleep(2500);
    envoy.child.kill("SIGCONT");
    await eventually("the drain has begun", () => log.lines.some((line) => line.includes("info test: draining")));
    expect(isOver).toBe(false);
    waiting[0]?.end("late");
    expect(await slow).toMatchObject({ status: 200, body: "late", connection: "close" });
    await done;
    expect(log.lines.at(-1)).toMatch(/info test: drained/);
  });

  it("stops with its signal", async () => {
    const slow = get("/slow").catch(() => undefined);
    await eventually("the request is with the upstream", () => waiting.length === 1);
    const hurry = new AbortController();
    const { log, done } = drain({ signal: hurry.signal });
    await eventually("the drain has begun", () => log.lines.length > 0);
    hurry.abort();
    await done;
    await envoy.stop();
    await slow;
  });

  it("does not hang on an Envoy that is gone", async () => {
    await envoy.stop();
    const { log, done } = drain();
    await done;
    expect(log.lines.at(-1)).toMatch(/warn test: Envoy cannot be drained/);
    expect(await quitEnvoy(envoy.adminSocketPath)).toBe(false);
  });
});

it("has Envoy end", async () => {
  const exited = once(envoy.child, "exit");
  expect(await quitEnvoy(envoy.adminSocketPath)).toBe(true);
  expect((await exited)[0]).toBe(0);
});

it("reads what is served from statistics, without the admin interface and without counting twice", () => {
  const stats = Object.entries({
    "http.admin.downstream_cx_active": 1,
    "http.admin.downstream_rq_active": 1,
    "listener.admin.downstream_cx_active": 1,
    "http.ingress_http.downstream_cx_active": 3,
    "http.ingress_http.downstream_rq_active": 2,
    "http.ingress_http.downstream_rq_total": 10,
    "http.ingress_https.downstream_rq_total": 5,
    "listener.0.0.0.0_8080.downstream_cx_active": 4,
    "listener.0.0.0.0_8080.worker_0.downstream_cx_active": 4,
  }).map(([name, value]) => ({ name, value }));
  const load = { httpConnections: 3, otherConnections: 1, activeRequests: 2, totalRequests: 15 };
  expect(loadOf({ stats: [...stats, { histograms: {} }] })).toEqual(load);
});
