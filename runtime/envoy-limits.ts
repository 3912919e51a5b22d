import type { ContainerLimits } from "./cgroup.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";

/** What Envoy may use; fixed when it starts. */
export interface EnvoyLimits {
  /** Worker threads; undefined: one per hardware thread. */
  readonly concurrency: number | undefined;
  /** At which Envoy protects itself; undefined: it does not. */
  readonly maxHeapBytes: number | undefined;
  /** Of clients, at the same time; undefined: any number. */
  readonly maxConnections: number | undefined;
}

const mebibyte = 1024 * 1024;

/** Node's two processes and the Envoy that judges contents have 220 to 400 MiB between them (docs/performance.md). */
const reservedBytes = 400 * mebibyte;
/** And more where there is more: traffic of the kernel's and whatever else stands in the container. */
const reservedShare = 1 / 4;
/** In a container that is too small for all of it. */
const leastShare = 2 / 5;

/** Envoy's own advice for an edge (its "Configuring Envoy as an edge proxy"). Half of the files: each client may need a connection to a service. */
const usualConnections = 50_000;

export function envoyLimits(
  {
    envoyConcurrency,
    maxHeapMiB,
    maxConnections,
  }: Pick<Settings, "envoyConcurrency" | "maxHeapMiB" | "maxConnections">,
  { cpus, memoryBytes }: ContainerLimits,
  openFiles: number | undefined,
): EnvoyLimits {
  return {
    // Rounded up: 1.5 CPUs with one worker would leave a third of what was paid for.
    concurrency: envoyConcurrency ?? (cpus === undefined ? undefined : Math.max(1, Math.ceil(cpus))),
    maxHeapBytes:
      maxHeapMiB === undefined
        ? memoryBytes && heapShareOf(memoryBytes)
        : maxHeapMiB === 0
          ? undefined
          : maxHeapMiB * mebibyte,
    maxConnections:
      maxConnections === undefined
        ? Math.min(usualConnections, Math.floor((openFiles ?? Number.POSITIVE_INFINITY) / 2))
        : maxConnections === 0
          ? undefined
          : maxConnections,
  };
}

function heapShareOf(memoryBytes: number): number {
  const reserved = Math.max(reservedBytes, memoryBytes * reservedShare);
  return Math.floor(Math.max(memoryBytes - reserved, memoryBytes * leastShare));
}

/** One line at the start, so that nobody has to guess what was taken from where. */
export function sayLimits({ concurrency, maxHeapBytes, maxConnections }: EnvoyLimits, log: Log): void {
  log.info("limits of Envoy", {
    workers: concurrency ?? "one per hardware thread",
    heapMiB:
      maxHeapBytes === undefined
        ? "none: no memory limit is known, see NUNCIO_ENVOY_MAX_HEAP_MIB"
        : Math.floor(maxHeapBytes / mebibyte),
    connections: maxConnections ?? "none",
  });
}
