import type { Any } from "../xds/generated/google/protobuf/any.ts";
import type { Duration } from "../xds/generated/google/protobuf/duration.ts";

/** Milliseconds as a protobuf Duration. */
export function duration(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1_000_000) };
}

interface Codec<T> {
  readonly $type: string;
  encode(message: T): { finish(): Uint8Array };
}

/** A message in an Any. */
export function pack<T>(codec: Codec<T>, message: T): Any {
  return { typeUrl: `type.googleapis.com/${codec.$type}`, value: Buffer.from(codec.encode(message).finish()) };
}
