import { type ConsulService, type Instance, instancesOf, notAsked, step } from "../discovery/consul.ts";
import type { Endpoint } from "../xds/resources/endpoints.ts";
import { type Clock, sleep } from "./clock.ts";
import type { ConsulClient } from "./consul-client.ts";
import { hostNames, type LookUp, namesOf } from "./consul-names.ts";
import { errorText } from "./fatal.ts";

export interface ServiceWatchOptions {
  readonly service: ConsulService;
  readonly client: ConsulClient;
  readonly lookUp: LookUp;
  readonly clock: Clock;
  /** Endpoints, or what is wrong, changed. */
  readonly onChange: () => void;
}

/** What keeps a service from being called. */
export type Trouble =
  | { readonly kind: "unavailable"; readonly reason: string }
  | { readonly kind: "unknown names"; readonly names: readonly string[] }
  | { readonly kind: "no instances" };

/** Names of instances are asked for again after so long. */
const NAMES_MS = 30_000;

/** Follows one service of one Consul until it is closed. */
export class ServiceWatch {
  readonly service: ConsulService;
  readonly startedMs: number;
  /** undefined: not answered yet. The same array while the content is. What was known last stays when Consul does not answer. */
  endpoints: readonly Endpoint[] | undefined;
  trouble: { readonly what: Trouble; readonly sinceMs: number } | undefined;

  readonly #options: ServiceWatchOptions;
  readonly #closed = new AbortController();
  readonly #names;
  #instances: readonly Instance[] = [];
  #cancelNames: () => void = () => undefined;

  constructor(options: ServiceWatchOptions) {
    this.#options = options;
    this.service = options.service;
    this.startedMs = options.clock.now();
    this.#names = hostNames(options.lookUp);
    void this.#follow();
  }

  close(): void {
    this.#closed.abort();
    this.#cancelNames();
  }

  async #follow(): Promise<void> {
    const { service, client, clock } = this.#options;
    const { signal } = this.#closed;
    let state = notAsked;
    let delayMs = 0;
    while (!signal.aborted) {
      const askedMs = clock.now();
      try {
        const { index, body } = await client.health(service, state.index, signal);
        if (signal.aborted) return;
        const instances = instancesOf(body);
        if (instances === undefined) throw new Error("its answer is not a list of instances");
        [state, delayMs] = step(state, { kind: "answered", index, tookMs: clock.now() - askedMs });
        this.#take(instances);
      } catch (error) {
        if (signal.aborted) return;
        [state, delayMs] = step(state, { kind: "failed" });
        this.#note({ kind: "unavailable", reason: errorText(error) });
      }
      // Replicas that lost a Consul together do not come back together.
      if (delayMs > 0) await sleep(clock, delayMs * (0.5 + Math.random() / 2), signal);
    }
  }

  #take(instances: readonly Instance[]): void {
    this.#instances = instances;
    this.#cancelNames();
    if (namesOf(instances).size === 0) {
      this.#publish(instances, []);
      return;
    }
    // Those with an address are not kept waiting by those with a name.
    if (this.#names.endpointsOf(instances).length > 0) this.#publish(instances, []);
    void this.#refreshNames(instances);
  }

  async #refreshNames(instances: readonly Instance[]): Promise<void> {
    const missing = await this.#names.refresh(instances);
    if (this.#closed.signal.aborted || this.#instances !== instances) return;
    this.#publish(instances, missing);
    this.#cancelNames = this.#options.clock.setTimer(NAMES_MS, () => void this.#refreshNames(instances));
  }

  #publish(instances: readonly Instance[], missing: readonly string[]): void {
    const endpoints = this.#names.endpointsOf(instances);
    const isSame = this.endpoints !== undefined && JSON.stringify(endpoints) === JSON.stringify(this.endpoints);
    if (!isSame) this.endpoints = endpoints;
    const noted = this.#note(
      missing.length > 0
        ? { kind: "unknown names", names: missing }
        : endpoints.length === 0
          ? { kind: "no instances" }
          : undefined,
    );
    if (!isSame && !noted) this.#options.onChange();
  }

  /** @returns whether it was told */
  #note(what: Trouble | undefined): boolean {
    if (JSON.stringify(what) === JSON.stringify(this.trouble?.what)) return false;
    const isAnother = what?.kind !== this.trouble?.what.kind;
    const sinceMs = isAnother || this.trouble === undefined ? this.#options.clock.now() : this.trouble.sinceMs;
    this.trouble = what === undefined ? undefined : { what, sinceMs };
    this.#options.onChange();
    return true;
  }
}
