import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { envoyBootstrap } from "../../runtime/bootstrap.ts";
import { systemClock } from "../../runtime/clock.ts";
import { envoyLogReader } from "../../runtime/envoy-log.ts";
import { adminRequest, spawnEnvoy, waitAnswering } from "../../runtime/envoy.ts";
import type { StatsSelection } from "../../runtime/settings.ts";
import { envoyPath, makeBase } from "./gateway-process.ts";
import { memoryLog } from "./memory-log.ts";

let directory: string;
beforeEach(() => void (directory = makeBase()));
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

function write(stats: StatsSelection): string {
  const bootstrap = envoyBootstrap({
    nodeId: "pod-1",
    nodeCluster: "default-default",
    adminSocketPath: path.join(directory, "admin.sock"),
    xdsSocketPath: path.join(directory, "xds.sock"),
    stats,
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
      expect(stats).not.toMatch(/^runtime\./m);
      expect(fs.statSync(socketPath).mode & 0o077).toBe(0);
      expect(log.lines.filter((line) => !line.startsWith("debug"))).toEqual([]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
