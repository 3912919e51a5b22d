import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import path from "node:path";
import { envoyBootstrap } from "../../runtime/bootstrap.ts";
import { systemClock } from "../../runtime/clock.ts";
import { envoyLogReader } from "../../runtime/envoy-log.ts";
import { adminRequest, spawnEnvoy, waitAnswering } from "../../runtime/envoy.ts";
import type { StatsSelection } from "../../runtime/settings.ts";
import { type StatsdSink, statsdSink } from "../../runtime/statsd.ts";
import { envoyPath, makeBase } from "./gateway-process.ts";
import { memoryLog } from "./memory-log.ts";

let directory: string;
beforeEach(() => void (directory = makeBase()));
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

function write(stats: StatsSelection, statsd?: StatsdSink): string {
  const bootstrap = envoyBootstrap({
    nodeId: "pod-1",
    nodeCluster: "default-default",
    adminSocketPath: path.join(directory, "admin.sock"),
    xdsSocketPath: path.join(directory, "xds.sock"),
    stats,
    limits: { maxHeapBytes: 512 * 1024 * 1024, maxConnections: 1000 },
    statsd,
    runtimeFlags: { "re2.max_program_size.error_level": 300 },
  });
  const file = path.join(directory, "bootstrap.json");
  fs.writeFileSync(file, JSON.stringify(bootstrap));
  return file;
}

describe("Envoy's bootstrap", () => {
  for (const stats of ["default", "all"] as const) {
    it(`is accepted by Envoy with stats ${stats}`, () => {
      const args = ["--mode", "validate", "-c", write(stats)];
      expect(execFileSync(envoyPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })).toMatch(/OK/);
    });
  }

  it("is what a running Envoy has: admin on a private socket, the node, runtime flags, statistics, and it waits for ADS", async () => {
    const bootstrapPath = write("default");
    const socketPath = path.join(directory, "admin.sock");
    const log = memoryLog("envoy");
    // An odd drain time: longer than Envoy's default for its parent's shutdown.
    const options = { envoyPath, bootstrapPath, logLevel: "warning", drainTimeMs: 3_600_000, concurrency: 1 } as const;
    const child = spawnEnvoy(options, envoyLogReader(log));
    try {
      expect(await waitAnswering(socketPath, { clock: systemClock, timeoutMs: 10_000 })).toBe(true);
      const get = async (url: string) => (await adminRequest(socketPath, { method: "GET", path: url })).body;
      const info = JSON.parse(await get("/server_info")) as Record<string, unknown>;
      expect(info["node"]).toMatchObject({ id: "pod-1", cluster: "default-default" });
      expect(info["command_line_options"]).toMatchObject({
        drain_time: "3600s",
        concurrency: 1,
        disable_hot_restart: true,
        ignore_unknown_dynamic_fields: true,
      });
      expect(await get("/ready")).toMatch(/INITIALIZING/);
      expect(await get("/runtime?format=json")).toMatch(/"final_value": *"300"/);
      const stats = await get("/stats");
      expect(stats).toMatch(/^server\.live: /m);
      expect(stats).toMatch(/^listener_manager\.total_listeners_active: /m);
      expect(stats).toMatch(/^overload\.envoy\.resource_monitors\.fixed_heap\.pressure: /m);
      expect(stats).not.toMatch(/^runtime\./m);
      expect(fs.statSync(socketPath).mode & 0o077).toBe(0);
      expect(log.lines.filter((line) => !line.startsWith("debug"))).toEqual([]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("statistics for statsd", () => {
  it.each([
    [false, /:\d\|g$/],
    [true, /:\d\|g\|#dd\.internal\.entity_id:pod-uid$/],
  ])("are sent by Envoy, with Datadog's tags or without: %s", async (dogstatsd, expected) => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    const sink = { address: "127.0.0.1", port, flushSeconds: 1, dogstatsd, entityId: "pod-uid" };
    const bootstrapPath = write("default", sink);
    const options = { envoyPath, bootstrapPath, logLevel: "warning", drainTimeMs: 1000, concurrency: 1 } as const;
    const received = new Promise<string>((done) => {
      socket.on("message", (message) => {
        const line = /^envoy\.server\.live:.*$/m.exec(message.toString());
        if (line !== null) done(line[0]);
      });
    });
    const child = spawnEnvoy(options, envoyLogReader(memoryLog("envoy")));
    try {
      expect(await received).toMatch(expected);
    } finally {
      child.kill("SIGKILL");
      socket.close();
    }
  });

  it("go to the address of the host, and nowhere when it has none, which is said", async () => {
    const settings = { flushSeconds: 1, dogstatsd: false, entityId: undefined };
    const log = memoryLog("supervisor");
    expect(await statsdSink({ host: "127.0.0.9", ...settings }, log)).toMatchObject({
      address: "127.0.0.9",
      port: 8125,
    });
    expect(await statsdSink({ host: "no-such-host.invalid", ...settings }, log)).toBeUndefined();
    expect(log.lines).toEqual([expect.stringContaining("STATSD_HOST is not found")]);
  });
});
