import type { StandingResource } from "../order/stream.ts";
import type { Snapshot, XdsType } from "../snapshot.ts";

export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** `stream` numbers the streams of one server, from 1. */
export type AdsEvent =
  | { readonly kind: "streamOpened"; readonly stream: number }
  | { readonly kind: "streamClosed"; readonly stream: number }
  | {
      readonly kind: "sent";
      readonly stream: number;
      readonly type: XdsType;
      readonly names: number;
      readonly removed: number;
      readonly bytes: number;
    }
  /** Envoy serves all of the snapshot but `refused`. Once per snapshot and stream; snapshots that a newer one overtook have none. */
  | {
      readonly kind: "acknowledged";
      readonly stream: number;
      readonly snapshot: Snapshot;
      readonly refused: readonly StandingResource[];
    }
  /** New clusters of the snapshot were refused. Routes wait for another snapshot, for `goOn`, or until the barrier has elapsed. */
  | {
      readonly kind: "halted";
      readonly stream: number;
      readonly snapshot: Snapshot;
      readonly refused: readonly StandingResource[];
    }
  /** Envoy refused these and keeps their last good versions. `message` is Envoy's, at most 1 KB and without the resource itself. */
  | {
      readonly kind: "nack";
      readonly stream: number;
      readonly type: XdsType;
      readonly resources: readonly { readonly name: string; readonly version: string }[];
      readonly message: string;
    };
