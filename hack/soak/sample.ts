/** What the processes of a gateway hold at a moment. */
import fs from "node:fs";
import path from "node:path";
import { adminRequest } from "../../runtime/envoy.ts";
import type { Gateway } from "../bench/gateway.ts";
import { memory } from "../bench/machine.ts";

export const roles = ["supervisor", "control plane", "Envoy", "validator"] as const;
export type Role = (typeof roles)[number];

export interface ProcessSample {
  readonly rssMb: number;
  readonly descriptors: number;
  readonly threads: number;
}

export interface Sample {
  readonly cycle: number;
  /** Since the first request. */
  readonly atSeconds: number;
  readonly processes: Readonly<Partial<Record<Role, ProcessSample>>>;
  /** What is the same after each cycle. */
  readonly counts: Readonly<Record<(typeof countNames)[number], number>>;
  /** What moves a little by itself. */
  readonly levels: Readonly<Record<(typeof levelNames)[number], number>>;
  readonly memoryMb: Readonly<Record<(typeof memoryNames)[number], number>>;
}

export const countNames = [
  "clusters",
  "warming clusters",
  "listeners",
  "draining listeners",
  "warming listeners",
  "draining filter chains",
  "routes",
  "objects",
  "objects in quarantine",
] as const;
export const levelNames = [
  "handles of Node",
  "connections of clients",
  "connections to services",
  "other descriptors of Envoy",
  "active requests",
  "Envoy's statistics",
] as const;
export const memoryNames = ["Envoy allocated", "Node heap"] as const;

const gauges = {
  clusters: "cluster_manager.active_clusters",
  "warming clusters": "cluster_manager.warming_clusters",
  listeners: "listener_manager.total_listeners_active",
  "draining listeners": "listener_manager.total_listeners_draining",
  "warming listeners": "listener_manager.total_listeners_warming",
  "draining filter chains": "listener_manager.total_filter_chains_draining",
} as const;

const megabytes = (bytes: number) => Math.round((bytes / 2 ** 20) * 100) / 100;

export function samplerOf(gateway: Gateway): (cycle: number, atSeconds: number) => Promise<Sample> {
  const socket = path.join(gateway.runDir, "admin.sock");
  const admin = async (url: string) => (await adminRequest(socket, { method: "GET", path: url })).body;
  return async (cycle, atSeconds) => {
    const [stats, dump] = [await admin("/stats"), await admin("/config_dump?resource=dynamic_route_configs")];
    const gauge = (name: string) =>
      Number(new RegExp(`^${name.replaceAll(".", "\\.")}: (\\d+)$`, "m").exec(stats)?.[1] ?? 0);
    const sum = (pattern: RegExp) =>
      [...stats.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
    const [fromClients, toServices] = [
      sum(/^http\..*\.downstream_cx_active: (\d+)$/gm),
      sum(/^cluster\..*\.upstream_cx_active: (\d+)$/gm),
    ];
    const processes = processesOf(gateway);
    const counted = Object.entries(gauges).map(([name, stat]) => [name, gauge(stat)]);
    return {
      cycle,
      atSeconds: Math.round(atSeconds),
      processes,
      counts: {
        ...(Object.fromEntries(counted) as Record<keyof typeof gauges, number>),
        // Where routes are matched by a tree they stand in it, and nowhere else.
        routes: dump.match(/"route": \{/g)?.length ?? 0,
        objects: await gateway.metric("nuncio_resources"),
        "objects in quarantine": await gateway.metric("nuncio_quarantined_objects"),
      },
      levels: {
        "handles of Node": await gateway.metric("nuncio_nodejs_active_resources_total"),
        "connections of clients": fromClients,
        "connections to services": toServices,
        "other descriptors of Envoy": (processes.Envoy?.descriptors ?? 0) - fromClients - toServices,
        "active requests": sum(/^http\..*\.downstream_rq_active: (\d+)$/gm),
        "Envoy's statistics": stats.split("\n").length,
      },
      memoryMb: {
        "Envoy allocated": megabytes(gauge("server.memory_allocated")),
        "Node heap": megabytes(await gateway.metric("nuncio_nodejs_heap_size_used_bytes")),
      },
    };
  };
}

/** Until Envoy has let go of what was taken back, at most so long. */
export async function isSettled(gateway: Gateway): Promise<boolean> {
  const socket = path.join(gateway.runDir, "admin.sock");
  const { body } = await adminRequest(socket, { method: "GET", path: "/stats?filter=_(draining|warming)" });
  return ![...body.matchAll(/(?:draining|warming): (\d+)$/gm)].some(([, count]) => count !== "0");
}

function processesOf({ pids, runDir }: Gateway): Sample["processes"] {
  const found: [Role, number | undefined][] = [
    ["supervisor", pids.supervisor],
    ["control plane", pids.controlPlane],
    ["Envoy", pids.envoy],
    ["validator", pidIn(path.join(runDir, "validator.pid"))],
  ];
  return Object.fromEntries(
    found.flatMap(([role, pid]) => {
      const sample = pid === undefined ? undefined : processSample(pid);
      return sample === undefined ? [] : [[role, sample]];
    }),
  );
}

function processSample(pid: number): ProcessSample | undefined {
  try {
    return {
      rssMb: memory(pid).rssMb,
      descriptors: fs.readdirSync(`/proc/${pid}/fd`).length,
      threads: fs.readdirSync(`/proc/${pid}/task`).length,
    };
  } catch {
    return undefined; // it has ended
  }
}

function pidIn(file: string): number | undefined {
  try {
    return (JSON.parse(fs.readFileSync(file, "utf8")) as { readonly pid: number }).pid;
  } catch {
    return undefined;
  }
}
