import { status, type ServerDuplexStream } from "@grpc/grpc-js";
import { assertNever } from "../../ir/assert.ts";
import type { DeltaDiscoveryRequest } from "../generated/envoy/service/discovery/v3/discovery.ts";
import type { StandingRefusal } from "../order/ledger.ts";
import {
  type Effect,
  openStream,
  step,
  type Phase,
  type StreamEvent,
  type StreamState,
  type TimerName,
} from "../order/stream.ts";
import { type Snapshot, typeUrls, type XdsType, xdsTypes } from "../snapshot.ts";
import type { AdsEvent, Log } from "./events.ts";
import { encodeResponse } from "./wire.ts";

export type AdsCall = ServerDuplexStream<DeltaDiscoveryRequest, Buffer>;

export interface StreamOptions {
  readonly id: number;
  readonly timersMs: Readonly<Record<TimerName, number>>;
  readonly naiveOrder: boolean;
  readonly halts: boolean;
  readonly log: Log;
  readonly onEvent: (event: AdsEvent) => void;
}

/** One stream's state, for diagnostics. */
export interface StreamInfo {
  readonly id: number;
  readonly node: string;
  readonly phase: Phase;
  readonly acknowledged: boolean;
  readonly types: Readonly<Record<XdsType, TypeInfo>>;
}
export interface TypeInfo {
  readonly wildcard: boolean;
  readonly subscribed: number;
  readonly resources: number;
  readonly inFlight: number;
  readonly refused: readonly StandingRefusal[];
}

const typeOfUrl: ReadonlyMap<string, XdsType> = new Map(xdsTypes.map((type) => [typeUrls[type], type]));

const waited = {
  withdraw: "clusters do not become warm; taking them back and trying once more",
  goOn: "clusters are not warm yet; routes go on",
};

/** Envoy takes up to 0.3 ms to load a cluster: many at once are no sign that one is stuck. */
const CLUSTER_MS = 1;

/** The shell of one stream's state machine: turns messages and timers into events, and effects into messages and timers. */
export class AdsStream {
  readonly #call: AdsCall;
  readonly #options: StreamOptions;
  readonly #timers = new Map<TimerName, NodeJS.Timeout>();
  readonly #unknownTypes = new Set<string>();
  #state: StreamState;
  #node = "";
  #closed = false;

  constructor(call: AdsCall, options: StreamOptions) {
    this.#call = call;
    this.#options = options;
    this.#state = openStream(options);
    call.on("data", (request: DeltaDiscoveryRequest) => this.#receive(request));
  }

  setSnapshot(snapshot: Snapshot): void {
    this.#step({ kind: "snapshot", snapshot });
  }

  goOn(): void {
    this.#step({ kind: "goOn" });
  }

  /** The stream is over: nothing may be sent or fire any more. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  info(): StreamInfo {
    const { ledgers, phase, acknowledged, newest } = this.#state;
    const types = Object.fromEntries(
      xdsTypes.map((type) => {
        const { wildcard, names, size, flights } = ledgers[type];
        const refused = ledgers[type].standingRefusals();
        return [type, { wildcard, subscribed: names.size, resources: size, inFlight: flights.size, refused }];
      }),
    ) as Record<XdsType, TypeInfo>;
    const isCurrent = newest !== undefined && acknowledged === newest;
    return { id: this.#options.id, node: this.#node, phase, acknowledged: isCurrent, types };
  }

  #receive(request: DeltaDiscoveryRequest): void {
    // Only the first message says who Envoy is (set_node_on_first_message_only).
    if (request.node?.id) this.#node = request.node.id;
    const typeUrl = request.typeUrl ?? "";
    const type = typeOfUrl.get(typeUrl);
    if (type === undefined) return this.#answerUnknown(typeUrl, request);
    this.#step({
      kind: "request",
      type,
      subscribe: request.resourceNamesSubscribe ?? [],
      unsubscribe: request.resourceNamesUnsubscribe ?? [],
      initialVersions: request.initialResourceVersions ?? {},
      nonce: request.responseNonce ?? "",
      error: request.errorDetail === undefined ? undefined : (request.errorDetail.message ?? ""),
    });
  }

  #step(event: StreamEvent): void {
    if (this.#closed) return;
    try {
      const [state, effects] = step(this.#state, event);
      this.#state = state;
      for (const effect of effects) this.#run(effect);
    } catch (error) {
      // Our own bug. A new stream starts from what Envoy reports, so it loses no more than a moment.
      this.#options.log.error("ads stream failed", { stream: this.#options.id, event: event.kind, error });
      this.close();
      this.#call.emit("error", { code: status.INTERNAL, details: "stream state" });
    }
  }

  #run(effect: Effect): void {
    const { id: stream, log, onEvent } = this.#options;
    switch (effect.kind) {
      case "send":
        return this.#send(effect);
      case "startTimer":
        return this.#startTimer(effect.timer, effect.names);
      case "acknowledged":
        log.debug("snapshot acknowledged", { stream, refused: effect.refused.length });
        return onEvent({ kind: "acknowledged", stream, snapshot: effect.snapshot, refused: effect.refused });
      case "halted":
        log.debug("new clusters were refused, so routes wait", { stream, refused: effect.refused.length });
        return onEvent({ kind: "halted", stream, snapshot: effect.snapshot, refused: effect.refused });
      case "nack": {
        const { type, name, version, message } = effect;
        log.warn("envoy refused a resource and keeps its last good version", { stream, type, name, version, message });
        return onEvent({ kind: "nack", stream, type, resources: [{ name, version }], message });
      }
      case "bisect":
        return log.info("envoy refused a response; sending its resources in parts", {
          stream,
          type: effect.type,
          names: effect.names,
        });
      case "barrierElapsed":
        return log.warn(waited[effect.next], { stream });
      default:
        return assertNever(effect);
    }
  }

  #send({ type, nonce, upserts, removed }: Extract<Effect, { kind: "send" }>): void {
    const { id: stream, log, onEvent } = this.#options;
    const bytes = encodeResponse({
      typeUrl: typeUrls[type],
      nonce,
      frames: upserts.map((resource) => resource.frame),
      removed,
    });
    this.#call.write(bytes);
    const counts = { names: upserts.length, removed: removed.length, bytes: bytes.length };
    log.debug("sent", { stream, type, nonce, ...counts });
    onEvent({ kind: "sent", stream, type, ...counts });
  }

  #startTimer(timer: TimerName, names: number): void {
    clearTimeout(this.#timers.get(timer));
    const delayMs = this.#options.timersMs[timer] + names * CLUSTER_MS;
    const handle = setTimeout(() => this.#step({ kind: "timer", timer }), delayMs);
    handle.unref();
    this.#timers.set(timer, handle);
  }

  /** Envoy waits for an answer of every type it asks for, also of one we never serve. */
  #answerUnknown(typeUrl: string, request: DeltaDiscoveryRequest): void {
    const isFirst = !this.#unknownTypes.has(typeUrl);
    const removed = request.resourceNamesSubscribe ?? [];
    if (isFirst) {
      this.#unknownTypes.add(typeUrl);
      this.#options.log.warn("envoy asks for a type that is not served", { stream: this.#options.id, typeUrl });
    }
    if (this.#closed || (!isFirst && removed.length === 0)) return;
    this.#call.write(encodeResponse({ typeUrl, nonce: "none", frames: [], removed }));
  }
}
