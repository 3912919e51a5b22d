import type { ResourceMap, Snapshot, XdsResource } from "../xds/snapshot.ts";
import type { Clock } from "./clock.ts";

/** Where a Listener listens. */
export interface Place {
  /** Of the resource. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** UDP: those ports are others. */
  readonly quic?: boolean;
}

export interface PortGuardOptions<P extends Place> {
  /** Whether another process listens there. Must not reject. */
  readonly isHeld: (place: P) => Promise<boolean>;
  readonly publish: (snapshot: Snapshot, changedAtMs: number) => void;
  /** The Listeners that are kept back now; called when they are others than before. */
  readonly onHeld: (places: readonly P[]) => void;
  readonly clock: Clock;
  /** How often a port that is held is looked at again. */
  readonly retryMs: number;
}

export interface PortGuard<P extends Place> {
  /** Publishes the snapshot: at once where every port is known, otherwise when the new ones have been looked at. */
  offer(snapshot: Snapshot, places: readonly P[], changedAtMs: number): void;
}

interface Offer<P> {
  readonly snapshot: Snapshot;
  readonly places: readonly P[];
  readonly changedAtMs: number;
}

/**
 * Keeps a Listener back for as long as another process has its port. Envoy cannot be left to find out: it sets SO_REUSEPORT, so two
 * Envoys of one user both open the port, and the kernel divides the connections between them without a word; and a port that was
 * refused to it once it does not try again.
 */
export function createPortGuard<P extends Place>(options: PortGuardOptions<P>): PortGuard<P> {
  const { isHeld, publish, onHeld, clock, retryMs } = options;
  /** By place: whether it was held when it was looked at. */
  let verdicts: ReadonlyMap<string, boolean> = new Map();
  let latest: Offer<P> | undefined;
  let published: ResourceMap = new Map();
  let told = "";
  let isLooking = false;
  let cancelRetry: (() => void) | undefined;

  function finish({ snapshot, places, changedAtMs }: Offer<P>): void {
    verdicts = new Map(places.map((place) => [keyOf(place), verdicts.get(keyOf(place)) ?? false]));
    const held = places.filter((place) => verdicts.get(keyOf(place)));
    published = held.length === 0 ? snapshot.listener : withoutHeld(snapshot.listener, held);
    publish({ ...snapshot, listener: published }, changedAtMs);
    const text = held.map((place) => `${place.name} ${keyOf(place)}`).join();
    if (text !== told) onHeld(held);
    told = text;
    if (held.length > 0) cancelRetry ??= clock.setTimer(retryMs, () => void retry());
  }

  /** A Listener that moves to a port it cannot have stays where it was. */
  function withoutHeld(listeners: ResourceMap, held: readonly P[]): ResourceMap {
    const names = new Set(held.map(({ name }) => name));
    const kept = new Map<string, XdsResource>();
    for (const [name, resource] of listeners) {
      const serving = names.has(name) ? published.get(name) : resource;
      if (serving !== undefined) kept.set(name, serving);
    }
    return kept;
  }

  async function look(places: readonly P[]): Promise<void> {
    isLooking = true;
    const found = await Promise.all(places.map(async (place) => [keyOf(place), await isHeld(place)] as const));
    verdicts = new Map([...verdicts, ...found]);
    isLooking = false;
  }

  async function settle(offer: Offer<P>): Promise<void> {
    const unknown = unknownOf(offer);
    if (unknown.length === 0) return finish(offer);
    await look(unknown);
    // What came meanwhile may have yet other ports.
    if (latest !== undefined) await settle(latest);
  }

  function unknownOf({ places }: Offer<P>): readonly P[] {
    return places.filter((place) => !verdicts.has(keyOf(place)));
  }

  async function retry(): Promise<void> {
    cancelRetry = undefined;
    // Whoever looks will finish, and set the timer anew.
    if (isLooking || latest === undefined) return;
    const before = latest;
    const held = before.places.filter((place) => verdicts.get(keyOf(place)));
    await look(held);
    const isFreed = held.some((place) => !verdicts.get(keyOf(place)));
    if (isFreed) latest = { ...latest, changedAtMs: clock.now() };
    if (latest !== before) await settle(latest);
    else if (held.length > 0) cancelRetry ??= clock.setTimer(retryMs, () => void retry());
  }

  return {
    offer(snapshot, places, changedAtMs) {
      latest = { snapshot, places, changedAtMs };
      // Not by way of a promise: that would cost every change a turn of the event loop.
      if (isLooking) return;
      if (unknownOf(latest).length === 0) finish(latest);
      else void settle(latest);
    },
  };
}

function keyOf({ address, port, quic = false }: Place): string {
  return `${address} ${port}${quic ? " udp" : ""}`;
}
