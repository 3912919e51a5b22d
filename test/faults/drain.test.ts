import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { freePort } from "../cluster/loopback.ts";
import { type Bundle, installBundle } from "../e2e/support/bundle.ts";
import { send } from "../e2e/support/client.ts";
import { Gateway, isAlive } from "../e2e/support/gateway.ts";
import { type Load, startLoad } from "../e2e/support/load.ts";
import { cleartextHost, documents, listener, mapping } from "../e2e/support/manifests.ts";
import { localServer, type LocalServer } from "../support/backends.ts";

/** Answers at once; a path with "stream" gets a line each 50 ms until the client leaves; an upgrade gets back what it says. */
function startUpstream(): Promise<LocalServer> {
  return localServer(
    (request, response) => {
      if (!request.url?.includes("stream")) return void response.end("ok");
      const timer = setInterval(() => response.write("line\n"), 50);
      response.on("close", () => clearInterval(timer));
    },
    {
      prepare: (server) => {
        server.keepAliveTimeout = 0;
        server.on("upgrade", (_request, socket) => {
          socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
          socket.on("data", (data) => socket.write(data));
          socket.on("error", () => socket.destroy());
        });
      },
    },
  );
}

let bundle: Bundle;
let upstream: LocalServer;
let directory: string;
let first: Replica;
let second: Replica;
let balancer: Balancer;
let load: Load;

interface Replica {
  readonly gateway: Gateway;
  readonly port: number;
}

async function replica(name: string): Promise<Replica> {
  const port = await freePort();
  const file = join(directory, `${name}.yaml`);
  const service = `127.0.0.1:${upstream.port}`;
  const spec = { prefix: "/", service, timeout_ms: 0, allow_upgrade: ["websocket"] };
  writeFileSync(file, documents(listener("http", port), cleartextHost("any", "*"), mapping("all", spec)));
  const args = ["--config", file, "--drain-delay", "1"];
  const gateway = await Gateway.start({ bundle, kubeconfig: "", args, env: { AMBASSADOR_DRAIN_TIME: "30" } });
  await gateway.ready();
  return { gateway, port };
}

interface Balancer {
  readonly target: () => number;
  readonly stop: () => Promise<void>;
}

/** New connections go to the first one until it is not ready, then to the second. Connections that are open stay where they are. */
function balance(): Balancer {
  let target = first.port;
  let runs = true;
  const running = (async () => {
    while (runs) {
      target = (await first.gateway.readyz())?.status === 200 ? first.port : second.port;
      await sleep(50);
    }
  })();
  return {
    target: () => target,
    stop: async () => {
      runs = false;
      await running;
    },
  };
}

/** Says something on an upgraded connection, and waits for the echo. */
async function webSocket(port: number): Promise<{ say(text: string): Promise<string>; end(): void }> {
  const socket = net.connect(port, "127.0.0.1");
  const next = async () => String((await once(socket, "data"))[0]);
  const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";
  socket.write(`GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${key}\r\n`);
  expect(await next()).toMatch(/^HTTP\/1.1 101 /);
  return {
    say(text) {
      const answer = next();
      socket.write(text);
      return answer;
    },
    end: () => socket.destroy(),
  };
}

async function stream(port: number): Promise<http.IncomingMessage> {
  const request = http.get({ host: "127.0.0.1", port, path: "/stream", agent: false });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.on("error", () => undefined);
  return response;
}

describe("a gateway that is told to stop, under load", () => {
  beforeAll(async () => {
    [bundle, upstream] = await Promise.all([installBundle(), startUpstream()]);
    directory = mkdtempSync(join(tmpdir(), "nuncio-drain-"));
    second = await replica("second");
  }, 120_000);

  beforeEach(async () => {
    first = await replica("first");
    balancer = balance();
    load = startLoad({ port: balancer.target, paths: ["/"], kept: 3, fresh: 2, http2: 2, pauseMs: 2 });
    await load.more(200);
    expect(load.failures).toEqual([]);
  }, 60_000);

  afterEach(async () => {
    await load.stop();
    await balancer.stop();
    await first.gateway.stop();
  }, 30_000);

  afterAll(async () => {
    await second?.gateway.stop();
    await upstream?.close();
    bundle?.remove();
    rmSync(directory, { recursive: true, force: true });
  }, 30_000);

  it("loses no request, and serves a WebSocket and a stream until they end by themselves", async () => {
    const { gateway, port } = first;
    const [socket, lines] = [await webSocket(port), await stream(port)];
    const mark = gateway.mark();
    gateway.child.kill("SIGTERM");
    await gateway.logged(/supervisor: draining .*connections=\d/, mark);
    // The order: readiness, and Envoy's drain only when load balancers had their time.
    expect(gateway.since(mark)).toMatch(/not ready any more, waiting for load balancers.*\n[^]*supervisor: draining/);
    expect((await gateway.readyz())?.status).toBe(503);
    await load.more(200);
    expect(await socket.say("still there")).toBe("still there");
    expect(String((await once(lines, "data"))[0])).toMatch(/^line\n/);
    expect(gateway.child.exitCode).toBeNull();
    socket.end();
    lines.destroy();
    expect(await gateway.exited).toBe(0);
    expect(gateway.since(mark)).toMatch(/supervisor: drained/);
    await load.more(100);
    expect((await load.stop()).failures).toEqual([]);
  });

  it("loses no request when its control plane is killed at that moment", async () => {
    const { gateway } = first;
    const envoy = gateway.pidOf("envoy") as number;
    process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
    gateway.child.kill("SIGTERM");
    expect(await gateway.exited).toBe(0);
    expect(gateway.log).toMatch(/control plane was killed by SIGKILL/);
    expect(gateway.log).toMatch(/supervisor: drained/);
    expect(isAlive(envoy)).toBe(false);
    await load.more(100);
    expect((await load.stop()).failures).toEqual([]);
  });

  // The negative control.
  it("would lose requests if SIGTERM went to Envoy, which ends at once", async () => {
    const { gateway, port } = first;
    process.kill(gateway.pidOf("envoy") as number, "SIGTERM");
    await gateway.until("a request fails", () => load.failures.length > 0);
    await gateway.until("another Envoy serves", async () => (await send(port, "/")).status === 200);
    expect(await gateway.metric("nuncio_envoy_restarts")).toBe(1);
    expect((await load.stop()).failures[0]).toMatch(/^(ECONNRESET|ECONNREFUSED|ERR_HTTP2_)/);
  });
});
