/** HTTP/2 by hand (RFC 9113): what no client library sends. */

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { none: 0, ack: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;

interface Frame {
  readonly type: keyof typeof types;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Buffer;
}

export function frame({ type, flags: bits = 0, stream = 0, payload = Buffer.alloc(0) }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(types[type], 3);
  head.writeUInt8(bits, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Pairs of identifier and value; 4 is the window of each stream. */
export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  pairs.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  });
  return frame({ type: "settings", payload });
}

export const settingsAck = frame({ type: "settings", flags: flags.ack });
export const ping = frame({ type: "ping", payload: Buffer.alloc(8) });

export function reset(stream: number): Buffer {
  const cancel = Buffer.alloc(4);
  cancel.writeUInt32BE(8);
  return frame({ type: "reset", stream, payload: cancel });
}

export type Header = readonly [name: string, value: string];

/** HPACK (RFC 7541) in its plainest form: each header as a literal that goes into no table. */
export function hpack(headers: readonly Header[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]));
}

/** Puts a header into the table of the connection, as entry 62: one byte of the next block is this whole header. */
export function indexed([name, value]: Header): Buffer {
  return Buffer.concat([Buffer.of(0x40), literal(name), literal(value)]);
}
export const firstIndexed = Buffer.of(0x80 | 62);

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

/** An integer with a prefix of 7 bits. */
function lengthOf(length: number): Buffer {
  if (length < 127) return Buffer.of(length);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 | 128);
  return Buffer.of(...bytes, rest);
}

export const requestHeaders = (path: string, more: readonly Header[] = []): readonly Header[] => [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "example.com"],
  [":path", path],
  ...more,
];

/** A whole request in one frame. */
export function request(stream: number, path: string, more: readonly Header[] = []): Buffer {
  const payload = hpack(requestHeaders(path, more));
  return frame({ type: "headers", flags: flags.endStream | flags.endHeaders, stream, payload });
}

/** Frames in what Envoy has sent, as far as they are whole. */
export function framesOf(
  bytes: Buffer,
): readonly { readonly type: number; readonly stream: number; readonly payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    if (at + 9 + length > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}

/** The error code of GOAWAY; undefined: there was none. */
export function goAwayCode(bytes: Buffer): number | undefined {
  return framesOf(bytes)
    .find(({ type }) => type === types.goAway)
    ?.payload.readUInt32BE(4);
}
