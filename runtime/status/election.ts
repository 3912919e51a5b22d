import type { Clock } from "../clock.ts";
import { pause } from "../informers/retry.ts";
import type { Log } from "../log.ts";
import { type Lease, leasesPath, microTime, readLease } from "./lease.ts";
import { mergePatch } from "../informers/api.ts";
import type { Reply, Requester } from "./request.ts";

/** Which one of the replicas does what only one may do. */
export interface Election {
  /** Whether it is this one, now. */
  elected(): boolean;
  /** Called whenever that changes. */
  onChange(listener: (elected: boolean) => void): void;
  /** Steps down for good, so that another takes over at once; resolves when the API server knows. */
  release(): Promise<void>;
}

export interface ElectionTiming {
  /** How long others wait after they have seen the last renewal. Whole seconds. */
  readonly leaseMs: number;
  /** After so long without a renewal we stop by ourselves: sooner than anybody else may begin. */
  readonly renewWithinMs: number;
  readonly retryMs: number;
}

export interface ElectionOptions {
  readonly requester: Requester;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of this process, which no other one ever has. */
  readonly identity: string;
  readonly clock: Clock;
  readonly today: () => Date;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly timing?: ElectionTiming;
}

/** client-go's. */
export const usualTiming: ElectionTiming = { leaseMs: 15_000, renewWithinMs: 10_000, retryMs: 2000 };

/** Retries are spread, so that replicas that wait do not all ask at once. */
const JITTER = 1.2;

/**
 * The algorithm of client-go's leaderelection.go: whoever holds the Lease renews it; the others take it over when they have not seen it
 * renewed, by their own clocks, for as long as it lasts. Every write names the version that was read, so that of two writers one fails.
 */
export function startElection(options: ElectionOptions): Election {
  const { requester, namespace, name, identity, clock, log, signal, timing = usualTiming } = options;
  const path = leasesPath(namespace, name);
  const ended = new AbortController();
  const over = AbortSignal.any([signal, ended.signal]);
  const listeners: ((elected: boolean) => void)[] = [];
  /** Start of the last request that renewed our hold; undefined: we do not hold it. */
  let renewedAtMs: number | undefined;
  let told = false;
  let observed: { readonly lease: Lease; readonly atMs: number } | undefined;
  let lastSaid = "";

  const elected = (): boolean => renewedAtMs !== undefined && clock.now() - renewedAtMs < timing.renewWithinMs;

  function tell(): void {
    const now = elected();
    if (now === told) return;
    told = now;
    if (now) log.info("elected: this replica writes status");
    else log.info("no longer elected: another replica writes status");
    for (const listener of listeners) listener(now);
  }

  function say(reply: Reply): void {
    const text = `the Lease ${namespace}/${name}, by which the replica that writes status is elected, cannot be had: ${reply.message}`;
    if (text !== lastSaid) log.warn(text);
    lastSaid = text;
  }

  function observe(lease: Lease): void {
    const { resourceVersion: before } = observed?.lease ?? {};
    if (before !== lease.resourceVersion) observed = { lease, atMs: clock.now() };
  }

  const isHeldByOther = (): boolean => {
    if (observed === undefined) return false;
    const { lease, atMs } = observed;
    return lease.holder !== "" && lease.holder !== identity && clock.now() - atMs < lease.durationMs;
  };

  function taken(startedMs: number, reply: Reply): boolean {
    const lease = readLease(reply.object);
    if (reply.code >= 300 || reply.code === 0 || lease === undefined) {
      // Somebody else was quicker.
      if (reply.code !== 409) say(reply);
      return false;
    }
    lastSaid = "";
    observe(lease);
    renewedAtMs = startedMs;
    return true;
  }

  async function attempt(): Promise<void> {
    const startedMs = clock.now();
    const found = await requester.get(path);
    const lease = found.code === 200 ? readLease(found.object) : undefined;
    const time = microTime(options.today());
    const hold = { holderIdentity: identity, leaseDurationSeconds: timing.leaseMs / 1000, renewTime: time };
    if (found.code === 404) {
      const metadata = { name, namespace, labels: options.labels };
      const spec = { ...hold, acquireTime: time, leaseTransitions: 0 };
      const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
      taken(startedMs, await requester.send({ method: "POST", path: leasesPath(namespace), body }));
      return;
    }
    if (lease === undefined) return say(found);
    observe(lease);
    if (isHeldByOther()) {
      renewedAtMs = undefined;
      return;
    }
    const isOurs = lease.holder === identity;
    const spec = isOurs ? hold : { ...hold, acquireTime: time, leaseTransitions: lease.transitions + 1 };
    const body = { metadata: { resourceVersion: lease.resourceVersion }, spec };
    taken(startedMs, await requester.send({ method: "PATCH", path, contentType: mergePatch, body }));
  }

  function awaitDeadline(): void {
    cancelDeadline();
    if (renewedAtMs === undefined) return;
    const leftMs = renewedAtMs + timing.renewWithinMs - clock.now();
    cancelDeadline = clock.setTimer(Math.max(0, Math.ceil(leftMs)), () => {
      tell();
      // A timer may be a moment early, and there is no other that would tell.
      if (told) awaitDeadline();
    });
  }

  async function run(): Promise<void> {
    while (!over.aborted) {
      await attempt();
      if (over.aborted) break;
      tell();
      const waitMs = told ? timing.retryMs : timing.retryMs * (1 + (JITTER - 1) * options.random());
      // A renewal that does not come in time ends our hold, even while a request for it is under way.
      awaitDeadline();
      await pause(clock, waitMs, { signal: over });
    }
    cancelDeadline();
  }

  let cancelDeadline = (): void => undefined;
  const running = run();
  return {
    elected,
    onChange: (listener) => void listeners.push(listener),
    async release() {
      const held = elected();
      ended.abort();
      await running;
      renewedAtMs = undefined;
      tell();
      if (!held || observed === undefined) return;
      const body = {
        metadata: { resourceVersion: observed.lease.resourceVersion },
        spec: { holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(options.today()) },
      };
      await requester.send({ method: "PATCH", path, contentType: mergePatch, body });
    },
  };
}
