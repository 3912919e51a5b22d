import {
  type Effect,
  openStream,
  step,
  type StreamEvent,
  type StreamOptions,
  type StreamState,
} from "../../xds/order/stream.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import { emptySnapshot, type ResourceMap, type Snapshot, type XdsResource, type XdsType } from "../../xds/snapshot.ts";

/** Resources are written "name@content". */
export function resource(type: XdsType, text: string): XdsResource {
  const [name = "", content = ""] = text.split("@");
  return xdsResource(type, name, [Buffer.from(content)]);
}

function resources(type: XdsType, texts: readonly string[]): ResourceMap {
  return new Map(texts.map((text) => resource(type, text)).map((made) => [made.name, made]));
}

export type Parts = Readonly<Partial<Record<XdsType, readonly string[]>>>;

/** Types that are not given keep the map of `previous`. */
export function snapshot(parts: Parts, previous: Snapshot = emptySnapshot): Snapshot {
  const maps = Object.entries(parts).map(([type, texts]) => [type, resources(type as XdsType, texts)]);
  return { ...previous, ...Object.fromEntries(maps) };
}

export interface RequestOptions {
  readonly names?: readonly string[];
  readonly unsubscribe?: readonly string[];
  /** "name@content": what Envoy says it has. */
  readonly has?: readonly string[];
  readonly nonce?: string;
  readonly error?: string;
}

/** One stream's state machine, driven by hand: each call gives what the event made it do, as text:
 *  "#1 cluster +a@1 -b" is a response, then timers, acknowledgements and refusals. */
export class Recorder {
  #state: StreamState;
  /** Nonces that were sent and not yet answered. */
  readonly open = new Map<string, XdsType>();

  constructor(options: StreamOptions = {}) {
    this.#state = openStream(options);
  }

  get state(): StreamState {
    return this.#state;
  }

  snapshot(next: Snapshot): string[] {
    return this.event({ kind: "snapshot", snapshot: next });
  }

  timer(timer: "grace" | "barrier"): string[] {
    return this.event({ kind: "timer", timer });
  }

  request(type: XdsType, options: RequestOptions = {}): string[] {
    const { names = [], unsubscribe = [], has = [], nonce = "", error } = options;
    const reported = has.map((text) => resource(type, text)).map(({ name, version }) => [name, version]);
    const initialVersions = Object.fromEntries(reported);
    this.open.delete(nonce);
    return this.event({ kind: "request", type, subscribe: names, unsubscribe, initialVersions, nonce, error });
  }

  ack(nonce: number): string[] {
    return this.request(this.#typeOf(nonce), { nonce: String(nonce) });
  }

  nack(nonce: number, error: string): string[] {
    return this.request(this.#typeOf(nonce), { nonce: String(nonce), error });
  }

  /** Acknowledges everything until nothing is open; gives all that this led to. */
  ackAll(): string[] {
    const done: string[] = [];
    for (let next = this.#firstOpen(); next !== undefined; next = this.#firstOpen())
      done.push(...this.ack(Number(next)));
    return done;
  }

  event(event: StreamEvent): string[] {
    const [state, effects] = step(this.#state, event);
    this.#state = state;
    for (const effect of effects) if (effect.kind === "send") this.open.set(effect.nonce, effect.type);
    return effects.map(show);
  }

  #firstOpen(): string | undefined {
    return this.open.keys().next().value;
  }

  #typeOf(nonce: number): XdsType {
    const type = this.open.get(String(nonce));
    if (type === undefined) throw new Error(`no response #${nonce} is open`);
    return type;
  }
}

function show(effect: Effect): string {
  switch (effect.kind) {
    case "send": {
      const upserts = effect.upserts.map(({ name, body }) => `+${name}@${Buffer.from(body).toString()}`);
      return [`#${effect.nonce} ${effect.type}`, ...upserts, ...effect.removed.map((name) => `-${name}`)].join(" ");
    }
    case "startTimer":
      return `timer ${effect.timer}`;
    case "acknowledged":
      return ["acknowledged", ...effect.refused.map(({ type, name }) => `but ${type} ${name}`)].join(" ");
    case "nack":
      return `nack ${effect.type} ${effect.name}: ${effect.message}`;
    case "halted":
      return ["halted", ...effect.refused.map(({ type, name }) => `for ${type} ${name}`)].join(" ");
    case "bisect":
      return `bisect ${effect.type}`;
    case "barrierElapsed":
      return `barrier elapsed: ${effect.next}`;
  }
}

/** A stream of an Envoy that has all of `first`, with nothing open. */
export function installed(first: Snapshot, options: StreamOptions = {}): Recorder {
  const stream = new Recorder(options);
  stream.snapshot(first);
  stream.request("cluster");
  stream.request("listener");
  for (const type of ["endpoint", "secret", "extension", "route"] as const) {
    if (first[type].size > 0) stream.request(type, { names: [...first[type].keys()] });
  }
  stream.ackAll();
  return stream;
}
