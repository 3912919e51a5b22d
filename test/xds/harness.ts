import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AdsEvent, Log } from "../../xds/server/events.ts";
import { type AdsServer, type AdsServerOptions, createAdsServer } from "../../xds/server/server.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import { type BareEnvoy, spawnEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";

export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

export type Sent = Extract<AdsEvent, { kind: "sent" }>;
export type Nack = Extract<AdsEvent, { kind: "nack" }>;
export type Acknowledged = Extract<AdsEvent, { kind: "acknowledged" }>;

/** An ADS server and what it told, to be replaced by another on the same socket. */
export interface ControlPlane {
  readonly server: AdsServer;
  readonly events: readonly AdsEvent[];
  /** Hands the snapshot over and waits until Envoy has acknowledged it. */
  install(snapshot: Snapshot): Promise<Acknowledged>;
  sent(): readonly Sent[];
  nacks(): readonly Nack[];
}

export type ControlPlaneOptions = Omit<Partial<AdsServerOptions>, "socketPath" | "onEvent">;

export async function startControlPlane(socketPath: string, options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const events: AdsEvent[] = [];
  const waiting = new Map<Snapshot, (event: Acknowledged) => void>();
  const onEvent = (event: AdsEvent) => {
    events.push(event);
    if (event.kind === "acknowledged") waiting.get(event.snapshot)?.(event);
  };
  const server = await createAdsServer({ log: quiet, ...options, socketPath, onEvent });
  return {
    server,
    events,
    install: async (snapshot) => {
      const acknowledged = new Promise<Acknowledged>((done) => waiting.set(snapshot, done));
      server.setSnapshot(snapshot);
      return within(15_000, "the snapshot is acknowledged", acknowledged);
    },
    sent: () => events.filter((event) => event.kind === "sent"),
    nacks: () => events.filter((event) => event.kind === "nack"),
  };
}

export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_done, fail) => {
    timer = setTimeout(() => fail(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What a test starts and has to end, in reverse order. */
export class Cleanup {
  readonly #ends: (() => unknown)[] = [];
  add<T>(value: T, end: (value: T) => unknown): T {
    this.#ends.push(() => end(value));
    return value;
  }
  async run(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

export interface Rig {
  readonly control: ControlPlane;
  readonly socketPath: string;
  readonly envoy: BareEnvoy;
}

/** A control plane and an Envoy that is live with `snapshot`. */
export async function startRig(cleanup: Cleanup, snapshot: Snapshot, options: ControlPlaneOptions = {}): Promise<Rig> {
  const dir = cleanup.add(mkdtempSync(join(tmpdir(), "ads-")), (path) =>
    rmSync(path, { recursive: true, force: true }),
  );
  const socketPath = join(dir, "ads.sock");
  const control = await startControlPlane(socketPath, options);
  cleanup.add(control, ({ server }) => server.close());
  const installed = control.install(snapshot);
  const envoy = cleanup.add(spawnEnvoy({ adsSocket: socketPath }), (process) => process.stop());
  await installed;
  await envoy.live();
  return { control, socketPath, envoy };
}

/** Ends the control plane as a process would, and starts another at once. */
export async function replaceControlPlane(
  cleanup: Cleanup,
  rig: Rig,
  snapshot: Snapshot,
  options: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  await rig.control.server.close();
  const next = await startControlPlane(rig.socketPath, options);
  cleanup.add(next, ({ server }) => server.close());
  await next.install(snapshot);
  return next;
}

export function until(what: string, probe: () => boolean | Promise<boolean>): Promise<true> {
  return eventually(what, probe);
}
