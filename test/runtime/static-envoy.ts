import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { envoyBootstrap } from "../../runtime/bootstrap.ts";
import type { BootstrapOptions, Json } from "../../runtime/bootstrap.ts";
import { systemClock } from "../../runtime/clock.ts";
import { envoyLogReader } from "../../runtime/envoy-log.ts";
import { spawnEnvoy, waitLive } from "../../runtime/envoy.ts";
import { envoyPath } from "./gateway-process.ts";
import { memoryLog } from "./memory-log.ts";

/** A real Envoy with our bootstrap, but with a listener and clusters of the test's instead of ADS. */
export interface StaticEnvoy {
  readonly adminSocketPath: string;
  readonly lines: readonly string[];
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

export interface StaticEnvoyOptions {
  readonly directory: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly bootstrap?: Partial<BootstrapOptions>;
}

const type = (name: string) => ({ "@type": `type.googleapis.com/${name}` });
const socketAddress = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });

export async function startStaticEnvoy({
  directory,
  port,
  upstreamPort,
  bootstrap,
}: StaticEnvoyOptions): Promise<StaticEnvoy> {
  const adminSocketPath = path.join(directory, "admin.sock");
  const bootstrapPath = path.join(directory, "bootstrap.json");
  const ours = envoyBootstrap({
    nodeId: "test",
    nodeCluster: "default-default",
    adminSocketPath,
    xdsSocketPath: path.join(directory, "xds.sock"),
    stats: "default",
    ...bootstrap,
  });
  const resources: Json = { listeners: [listener(port)], clusters: [cluster(upstreamPort)] };
  // Runtime flags come by ADS as well.
  const instead: Json = { dynamic_resources: {}, static_resources: resources, layered_runtime: { layers: [] } };
  fs.writeFileSync(bootstrapPath, JSON.stringify({ ...ours, ...instead }));
  const log = memoryLog("envoy");
  const options = { envoyPath, bootstrapPath, logLevel: "warning", drainTimeMs: 600_000, concurrency: 1 } as const;
  const child = spawnEnvoy(options, envoyLogReader(log));
  if (!(await waitLive(adminSocketPath, { clock: systemClock, timeoutMs: 10_000 }))) {
    child.kill("SIGKILL");
    throw new Error(`Envoy did not come up:\n${log.lines.join("\n")}`);
  }
  return {
    adminSocketPath,
    child,
    lines: log.lines,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function listener(port: number): Json {
  const router = {
    name: "router",
    typed_config: type("envoy.extensions.filters.http.router.v3.Router"),
  };
  const virtualHost = {
    name: "all",
    domains: ["*"],
    routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }],
  };
  const manager = {
    ...type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "ingress_http",
    route_config: { virtual_hosts: [virtualHost] },
    http_filters: [router],
  };
  return {
    name: "test",
    address: socketAddress(port),
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
  };
}

function cluster(port: number): Json {
  const endpoint = { endpoint: { address: socketAddress(port) } };
  return {
    name: "upstream",
    type: "STATIC",
    load_assignment: { cluster_name: "upstream", endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}
