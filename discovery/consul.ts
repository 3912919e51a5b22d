/** What Consul's health API says, and when to ask it again. Source: Consul's documentation, "Blocking queries". */
import { compareText } from "../ir/problem.ts";
import type { ClusterEndpoints } from "../ir/types.ts";
import type { Endpoint } from "../xds/resources/endpoints.ts";

export type ConsulService = Extract<ClusterEndpoints, { kind: "consul" }>;

/** Endpoints by `consulKey`; a service that has not been answered yet is not there. */
export type ConsulEndpoints = ReadonlyMap<string, readonly Endpoint[]>;

/** Tells services of one name in two datacenters, or of two Consuls, apart. No Kubernetes object has a key like it. */
export function consulKey({ address, datacenter, service }: ConsulService): string {
  return JSON.stringify([address ?? null, datacenter, service]);
}

/** Where a healthy instance is called. */
export interface Instance {
  /** An address, or a name that DNS knows. */
  readonly host: string;
  readonly port: number;
}

/** The instances in an answer of /v1/health/service, sorted, each once; undefined when it is no such answer. */
export function instancesOf(answer: unknown): readonly Instance[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  const found = new Map<string, Instance>();
  for (const entry of answer as readonly unknown[]) {
    const service = fieldOf(entry, "Service");
    const host = nonEmpty(fieldOf(service, "Address")) ?? nonEmpty(fieldOf(fieldOf(entry, "Node"), "Address"));
    const port = fieldOf(service, "Port");
    // Without a port it is registered for something else than being called.
    if (host === undefined || typeof port !== "number" || port < 1 || port > 65_535) continue;
    found.set(`${host} ${port}`, { host, port });
  }
  return [...found].sort(([a], [b]) => compareText(a, b)).map(([, instance]) => instance);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export interface WatchState {
  /** Consul answers when it knows something newer than this; 0: at once. */
  readonly index: number;
  /** Queries in a row that failed. */
  readonly failures: number;
}

export const notAsked: WatchState = { index: 0, failures: 0 };

export type WatchEvent =
  /** `index` is the header X-Consul-Index. */
  | { readonly kind: "answered"; readonly index: string | undefined; readonly tookMs: number }
  | { readonly kind: "failed" };

/** Between queries that do not block, as through a proxy that drops the index. */
const IDLE_MS = 1000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

/** The next query, and how long to wait before it. */
export function step(state: WatchState, event: WatchEvent): readonly [WatchState, delayMs: number] {
  if (event.kind === "failed") {
    const failures = state.failures + 1;
    const delayMs = failures === 1 ? 0 : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 2, 20));
    // A Consul that lost its state counts from the start again: to wait for the old index would take long.
    return [{ index: 0, failures }, delayMs];
  }
  const given = /^\d+$/.test(event.index ?? "") ? Number(event.index) : 0;
  if (given < 1) return [{ index: 0, failures: 0 }, IDLE_MS];
  // Backwards after a restore: what it counts now is not known, so it is asked for an answer at once. Two servers that do
  // not agree must not make that a busy loop.
  if (given < state.index) return [{ index: 0, failures: 0 }, FIRST_RETRY_MS];
  const didNotBlock = given === state.index && event.tookMs < IDLE_MS;
  return [{ index: given, failures: 0 }, didNotBlock ? IDLE_MS : 0];
}
