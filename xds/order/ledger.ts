import { diffMaps } from "../../ir/bucket-map.ts";
import type { ResourceMap, XdsResource } from "../snapshot.ts";

/** A version that Envoy brought along from an earlier stream (`initial_resource_versions`): we do not hold its bytes. */
interface Reported {
  readonly version: string;
}
type Known = XdsResource | Reported;

/** One response on its way. */
export interface Flight {
  readonly upserts: readonly XdsResource[];
  readonly removed: readonly string[];
}

export interface Refused {
  readonly name: string;
  readonly version: string;
  readonly message: string;
}

/** A refused version that is still wanted. */
export interface StandingRefusal extends Refused {
  /** Envoy serves an earlier version of it. */
  readonly keeps: boolean;
}

const none: ReadonlySet<string> = new Set();

/** What one Envoy wants of one type, has of it, and has refused.
 *  Changed in place: a copy per event would cost a pass over every name. Each belongs to one stream's state. */
export class Ledger {
  /** Whether Envoy has asked for this type at all on this stream. */
  seen = false;
  wildcard = false;
  readonly names = new Set<string>();
  /** The map that `latest` was last brought up to. */
  synced: ResourceMap | undefined;
  /** What Envoy has that `synced` has not. */
  surplus: ReadonlySet<string> = none;
  readonly flights = new Map<string, Flight>();
  readonly refused = new Map<string, Refused>();

  /** Subscribed since the last answer. Each is answered, with the resource or as removed. */
  readonly #owed = new Set<string>();
  #owesWildcard = false;
  /** What Envoy has once everything in flight is acknowledged. */
  readonly #latest = new Map<string, Known>();
  /** For names in flight: what Envoy has until then. */
  readonly #before = new Map<string, Known | undefined>();
  /** What stands for a subscribed name that is not in the map; without it the name is answered as removed. */
  readonly #absent: ((name: string) => XdsResource) | undefined;

  constructor(absent?: (name: string) => XdsResource) {
    this.#absent = absent;
  }

  /** Names that Envoy has, or will have once what is in flight is acknowledged. */
  get size(): number {
    return this.#latest.size;
  }

  /** Whether Envoy waits for an answer to a subscription. */
  get owes(): boolean {
    return this.#owed.size > 0;
  }

  version(name: string): string | undefined {
    return this.#latest.get(name)?.version;
  }

  /** The first request of this type: what Envoy still has from the stream before. */
  open(wildcard: boolean, initialVersions: Readonly<Record<string, string>>): void {
    this.seen = true;
    for (const [name, version] of Object.entries(initialVersions)) this.#latest.set(name, { version });
    if (wildcard) this.#setWildcard();
  }

  subscribe(names: readonly string[], first: boolean): void {
    for (const name of names) {
      if (name === "*") {
        this.#setWildcard();
        continue;
      }
      this.names.add(name);
      // What Envoy brought along needs an answer only if it differs, which the next comparison finds.
      if (!(first && this.#latest.has(name))) this.#owed.add(name);
    }
  }

  unsubscribe(names: readonly string[]): void {
    for (const name of names) {
      if (name === "*") this.wildcard = false;
      this.names.delete(name);
      this.#owed.delete(name);
      if (this.wildcard) continue;
      this.#latest.delete(name);
      this.#before.delete(name);
      this.refused.delete(name);
    }
  }

  /** Whether bringing Envoy up to `map` may need a response. */
  isBehind(map: ResourceMap): boolean {
    return this.seen && (this.synced !== map || this.#owed.size > 0 || this.#owesWildcard);
  }

  /** The response that brings Envoy up to `map`, but for removals (`surplus`); undefined if it needs none.
   *  `fallback` answers for names that a coming snapshot has dropped while the one being installed still has them. */
  bringUpTo(map: ResourceMap, fallback?: ResourceMap): Flight | undefined {
    const upserts = this.synced === map ? [] : this.#compare(map).filter((resource) => !this.#owed.has(resource.name));
    const answers = this.#answer(map, fallback);
    const owesWildcard = this.#owesWildcard;
    this.synced = map;
    this.#owesWildcard = false;
    const flight = { upserts: upserts.concat(answers.upserts), removed: answers.removed };
    return owesWildcard || flight.upserts.length > 0 || flight.removed.length > 0 ? flight : undefined;
  }

  /** Answers what can be answered from the map Envoy is on, while a newer one must wait. The rest stays owed. */
  answerFromOld(): Flight | undefined {
    const map = this.synced;
    if (map === undefined || this.#owed.size === 0) return undefined;
    const answers = this.#answer(map, undefined, true);
    return answers.upserts.length > 0 ? answers : undefined;
  }

  /** The names of the surplus that `due` picks (all by default), to be sent as removed. */
  takeSurplus(due: (name: string) => boolean = () => true): readonly string[] {
    if (this.surplus.size === 0) return [];
    const names = [...this.surplus].filter((name) => this.#latest.has(name));
    this.surplus = new Set(names.filter((name) => !due(name)));
    return names.filter(due);
  }

  sent(nonce: string, flight: Flight): void {
    this.flights.set(nonce, flight);
    for (const resource of flight.upserts) {
      this.#hold(resource.name);
      this.#latest.set(resource.name, resource);
    }
    for (const name of flight.removed) {
      this.#hold(name);
      this.#latest.delete(name);
    }
  }

  /** Ends a flight; undefined for a nonce that is none of ours. */
  land(nonce: string): Flight | undefined {
    const flight = this.flights.get(nonce);
    this.flights.delete(nonce);
    return flight;
  }

  accepted(upserts: readonly XdsResource[], removed: readonly string[]): void {
    for (const resource of upserts) {
      // What was refused before may be tried again; but not if this is only its predecessor, sent to undo it.
      if (this.synced?.get(resource.name)?.version === resource.version) this.refused.delete(resource.name);
      this.#settle(resource.name, resource);
    }
    for (const name of removed) this.#settle(name, undefined);
  }

  /** Envoy keeps what it had. */
  refuse(resource: XdsResource, message: string): Refused {
    const { name, version } = resource;
    const refused = { name, version, message };
    this.refused.set(name, refused);
    if (this.#latest.get(name) !== resource || !this.#before.has(name)) return refused;
    const before = this.#before.get(name);
    this.#before.delete(name);
    if (before === undefined) this.#latest.delete(name);
    else this.#latest.set(name, before);
    return refused;
  }

  /** The response that takes refused resources back: to what Envoy had, or to nothing. */
  undoing(resources: readonly XdsResource[]): Flight {
    const upserts: XdsResource[] = [];
    const removed: string[] = [];
    for (const { name } of resources) {
      const known = this.#latest.get(name);
      if (known === undefined) removed.push(name);
      else if ("frame" in known) upserts.push(known);
    }
    return { upserts, removed };
  }

  /** Takes back whatever is in flight, to be sent again by the next `bringUpTo`. */
  withdrawing(): Flight {
    const upserts: XdsResource[] = [];
    const removed: string[] = [];
    for (const [name, before] of this.#before) {
      if (!this.#latest.has(name)) continue;
      if (before === undefined) removed.push(name);
      else if ("frame" in before) upserts.push(before);
    }
    this.synced = undefined;
    return { upserts, removed };
  }

  /** Whether this very resource is still the newest that was sent of its name. */
  isLatest(resource: XdsResource): boolean {
    return this.#latest.get(resource.name) === resource;
  }

  /** Refused versions that are still wanted. */
  standingRefusals(): readonly StandingRefusal[] {
    if (this.refused.size === 0) return [];
    return [...this.refused.values()]
      .filter((refused) => this.synced?.get(refused.name)?.version === refused.version)
      .map((refused) => ({ ...refused, keeps: this.#latest.has(refused.name) }));
  }

  #setWildcard(): void {
    if (this.wildcard) return;
    this.wildcard = true;
    this.synced = undefined;
    // An Envoy that has nothing yet waits for a response, be it an empty one.
    if (this.#latest.size === 0) this.#owesWildcard = true;
  }

  #compare(map: ResourceMap): XdsResource[] {
    const wanted = this.synced === undefined ? this.#all(map) : this.#changed(this.synced, map);
    return wanted.filter((resource) => this.#isNews(resource));
  }

  #changed(synced: ResourceMap, map: ResourceMap): readonly XdsResource[] {
    const { changed, gone } = diffMaps(synced, map);
    for (const name of gone) this.refused.delete(name);
    for (const [name, { version }] of this.refused.size === 0 ? [] : changed) {
      // What comes again after another one is tried again: what it was refused for may have been Envoy's surroundings.
      if (this.refused.get(name)?.version !== version) this.refused.delete(name);
    }
    if (gone.length > 0 || this.surplus.size > 0) {
      const beyond = [...this.surplus, ...gone].filter((name) => this.#latest.has(name) && !map.has(name));
      this.surplus = new Set(beyond);
    }
    const resources = changed.map(([, resource]) => resource);
    return this.wildcard ? resources : resources.filter((resource) => this.names.has(resource.name));
  }

  #all(map: ResourceMap): XdsResource[] {
    this.surplus = new Set([...this.#latest.keys()].filter((name) => !map.has(name)));
    if (this.wildcard) return [...map.values()];
    return [...this.names].flatMap((name) => map.get(name) ?? []);
  }

  #isNews(resource: XdsResource): boolean {
    const { name, version } = resource;
    const known = this.#latest.get(name);
    if (known?.version !== version) return this.refused.get(name)?.version !== version;
    // Its bytes may be needed as the last good ones.
    if (!("frame" in known)) this.#latest.set(name, resource);
    return false;
  }

  #answer(map: ResourceMap, fallback?: ResourceMap, keepUnknown = false): Flight {
    const upserts: XdsResource[] = [];
    const removed: string[] = [];
    for (const name of this.#owed) {
      const resource = this.#lastGood(map.get(name) ?? fallback?.get(name));
      if (resource === undefined && keepUnknown) continue;
      const answer = resource ?? this.#absent?.(name);
      if (answer === undefined) removed.push(name);
      else upserts.push(answer);
      this.#owed.delete(name);
    }
    return { upserts, removed };
  }

  /** A refused resource is never sent again: its predecessor is, if this stream sent one. */
  #lastGood(resource: XdsResource | undefined): XdsResource | undefined {
    if (resource === undefined || this.refused.get(resource.name)?.version !== resource.version) return resource;
    const known = this.#latest.get(resource.name);
    return known !== undefined && "frame" in known ? known : undefined;
  }

  #hold(name: string): void {
    if (!this.#before.has(name)) this.#before.set(name, this.#latest.get(name));
  }

  #settle(name: string, has: XdsResource | undefined): void {
    // A name unsubscribed while its response was on the way is no longer held.
    if (!this.#before.has(name)) return;
    if (this.#latest.get(name) === has) this.#before.delete(name);
    else this.#before.set(name, has);
  }
}
