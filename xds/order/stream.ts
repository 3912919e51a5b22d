import { assertNever } from "../../ir/assert.ts";
import { type Snapshot, type XdsResource, type XdsType, xdsTypes } from "../snapshot.ts";
import { absentRoutes } from "./absent.ts";
import { Ledger } from "./ledger.ts";
import { settleNonce } from "./settle.ts";
import { barrierElapsed, drive } from "./transition.ts";

/** `grace`: how long clusters outlive the last route that named them. `barrier`: how long routes wait for new clusters to warm. */
export type TimerName = "grace" | "barrier";

export type StreamEvent =
  | {
      readonly kind: "request";
      readonly type: XdsType;
      readonly subscribe: readonly string[];
      readonly unsubscribe: readonly string[];
      /** Only in the first request of a type: what Envoy has from the stream before. */
      readonly initialVersions: Readonly<Record<string, string>>;
      /** Empty unless this answers a response. */
      readonly nonce: string;
      /** Present if the response with that nonce was refused. */
      readonly error?: string | undefined;
    }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot }
  /** No better snapshot comes in place of the one that was halted. */
  | { readonly kind: "goOn" }
  | { readonly kind: "timer"; readonly timer: TimerName };

export interface RefusedResource {
  readonly type: XdsType;
  readonly name: string;
  readonly version: string;
  readonly message: string;
}

/** A refused resource of an acknowledged snapshot. */
export interface StandingResource extends RefusedResource {
  /** Envoy serves an earlier version of it. */
  readonly keeps: boolean;
}

export type Effect =
  | {
      readonly kind: "send";
      readonly type: XdsType;
      readonly nonce: string;
      readonly upserts: readonly XdsResource[];
      readonly removed: readonly string[];
    }
  /** `names`: how many clusters Envoy has to work through meanwhile. */
  | { readonly kind: "startTimer"; readonly timer: TimerName; readonly names: number }
  /** Envoy has all of the snapshot but for `refused`. */
  | { readonly kind: "acknowledged"; readonly snapshot: Snapshot; readonly refused: readonly StandingResource[] }
  /** Envoy keeps its last good version of this resource. The version is not sent again on this stream. */
  | ({ readonly kind: "nack" } & RefusedResource)
  /** New clusters of the snapshot were refused, so the routes that may lead to them wait. */
  | { readonly kind: "halted"; readonly snapshot: Snapshot; readonly refused: readonly StandingResource[] }
  /** A response of several resources was refused; it is sent again in parts to find the bad one. */
  | { readonly kind: "bisect"; readonly type: XdsType; readonly names: number; readonly message: string }
  /** Clusters took too long to warm: they are taken back and sent once more, or, the second time, routes go on without them. */
  | { readonly kind: "barrierElapsed"; readonly next: "withdraw" | "goOn" };

/** `clusters`: upserts of clusters are on their way. `routes`: so are listeners, routes and extensions. */
export type Phase = "clusters" | "routes" | "settled";

/** `over`: Envoy has subscribed to clusters, or took too long to. */
export type Opening = "quiet" | "timed" | "over";

/** `asked`: whoever hands snapshots over is to say whether there is a better one. */
export type Halt = "none" | "asked" | "over";

export type Barrier = "waiting" | "withdrawn" | "givenUp";

/** Names that go when the grace period has passed, unless they come back first. */
export interface Condemned {
  readonly elapsed: boolean;
  readonly cluster: ReadonlySet<string>;
  readonly secret: ReadonlySet<string>;
}

/** One ADS stream. The ledgers are changed in place by `step` (see Ledger): a state is used once. */
export interface StreamState {
  /** Test-only: everything at once, clusters first removed and then no longer routed to. The negative control of make before break. */
  readonly naiveOrder: boolean;
  /** Routes to a cluster that was refused are answered with 503: who can hand over a snapshot without them is asked first. */
  readonly halts: boolean;
  readonly halt: Halt;
  /** Versions of clusters that were refused before the transition. */
  readonly refusedBefore: ReadonlySet<string>;
  readonly ledgers: Readonly<Record<XdsType, Ledger>>;
  /** The last snapshot handed over. */
  readonly newest: Snapshot | undefined;
  /** The snapshot being installed, or installed if `phase` is settled. */
  readonly current: Snapshot | undefined;
  readonly acknowledged: Snapshot | undefined;
  readonly phase: Phase;
  /** Nonces whose answer the transition waits for. */
  readonly awaited: ReadonlyMap<string, XdsType>;
  /** How patient the transition still is with clusters that do not warm. */
  readonly barrier: Barrier;
  /** Whether Envoy's clusters still have to be known before anything that names clusters is sent. */
  readonly opening: Opening;
  readonly condemned: Condemned | undefined;
  readonly nextNonce: number;
}

/** A step in the making. */
export type Draft = { -readonly [K in keyof StreamState]: StreamState[K] } & { effects: Effect[] };

export interface StreamOptions {
  readonly naiveOrder?: boolean;
  readonly halts?: boolean;
}

export function openStream(options: StreamOptions = {}): StreamState {
  const ledgers = Object.fromEntries(
    xdsTypes.map((type) => [type, new Ledger(type === "route" ? absentRoutes : undefined)]),
  ) as Record<XdsType, Ledger>;
  return {
    naiveOrder: options.naiveOrder ?? false,
    halts: options.halts ?? false,
    halt: "none",
    refusedBefore: new Set(),
    ledgers,
    newest: undefined,
    current: undefined,
    acknowledged: undefined,
    phase: "settled",
    awaited: new Map(),
    barrier: "waiting",
    opening: "quiet",
    condemned: undefined,
    nextNonce: 1,
  };
}

export function step(state: StreamState, event: StreamEvent): [StreamState, readonly Effect[]] {
  const draft: Draft = { ...state, effects: [] };
  apply(draft, event);
  drive(draft);
  const { effects, ...next } = draft;
  return [next, effects];
}

function apply(draft: Draft, event: StreamEvent): void {
  switch (event.kind) {
    case "snapshot":
      draft.newest = event.snapshot;
      goOn(draft);
      return;
    case "goOn":
      goOn(draft);
      return;
    case "request":
      request(draft, event);
      return;
    case "timer":
      elapsed(draft, event.timer);
      return;
    default:
      assertNever(event);
  }
}

function request(draft: Draft, event: Extract<StreamEvent, { kind: "request" }>): void {
  const { type, subscribe, unsubscribe, nonce } = event;
  const ledger = draft.ledgers[type];
  if (nonce !== "") settleNonce(draft, type, nonce, event.error);
  const first = !ledger.seen;
  if (first) ledger.open(isWildcard(type) && subscribe.length === 0, event.initialVersions);
  ledger.unsubscribe(unsubscribe);
  ledger.subscribe(subscribe, first);
}

/** Envoy subscribes to these two as wholes, the older way: by a first request without names. */
function isWildcard(type: XdsType): boolean {
  return type === "cluster" || type === "listener";
}

function goOn(draft: Draft): void {
  if (draft.halt === "asked") draft.halt = "over";
}

function elapsed(draft: Draft, timer: TimerName): void {
  if (timer === "barrier" && draft.halt === "asked") return goOn(draft);
  if (timer === "barrier") return barrierElapsed(draft);
  if (draft.condemned !== undefined) draft.condemned = { ...draft.condemned, elapsed: true };
}
