import { hash } from "node:crypto";
import { typeUrls, type XdsResource, type XdsType } from "../snapshot.ts";

/** Length of the base-64 content hash that versions are cut to: 132 bits. */
const VERSION_LENGTH = 22;

const LENGTH_DELIMITED = 2;

export function varintLength(value: number): number {
  let length = 1;
  while (value >= 0x80) {
    value = Math.floor(value / 0x80);
    length++;
  }
  return length;
}

/** Writes a varint (a non-negative integer below 2^53) at `at`; returns the offset after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    target[at++] = value % 0x80 | 0x80;
    value = Math.floor(value / 0x80);
  }
  target[at++] = value;
  return at;
}

/** Tag and length of a length-delimited protobuf field whose content has `length` bytes. */
export function fieldHeader(field: number, length: number): Uint8Array {
  const header = new Uint8Array(varintLength(field * 8 + LENGTH_DELIMITED) + varintLength(length));
  writeVarint(header, writeVarint(header, 0, field * 8 + LENGTH_DELIMITED), length);
  return header;
}

/** A message as one length-delimited field of its parent, encoded once and concatenated ever after. */
export function frameField(field: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([fieldHeader(field, content.length), content]);
}

/** Versions are hashes of content: the same bytes have the same version in every process and after every restart. */
export function contentVersion(body: Uint8Array): string {
  return hash("sha256", body, "base64url").slice(0, VERSION_LENGTH);
}

/** The parts before the body of a framed `Resource { version = 1, resource = 2 (Any { type_url = 1, value = 2 }), name = 3 }`. */
export function xdsResource(type: XdsType, name: string, chunks: readonly Uint8Array[]): XdsResource {
  const bodyLength = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  // Neither is made as bytes of its own: those would share memory with frames, and frames are kept.
  const typeUrl = typeUrls[type];
  const nameLength = Buffer.byteLength(name);
  const anyLength = 1 + varintLength(typeUrl.length) + typeUrl.length + 1 + varintLength(bodyLength) + bodyLength;
  const resourceLength =
    1 +
    varintLength(VERSION_LENGTH) +
    VERSION_LENGTH +
    1 +
    varintLength(anyLength) +
    anyLength +
    1 +
    varintLength(nameLength) +
    nameLength;
  const frame = Buffer.allocUnsafe(1 + varintLength(resourceLength) + resourceLength);
  let at = 0;
  const header = (field: number, length: number) => {
    frame[at++] = field * 8 + LENGTH_DELIMITED;
    at = writeVarint(frame, at, length);
  };
  header(2, resourceLength);
  header(1, VERSION_LENGTH);
  const versionAt = at;
  at += VERSION_LENGTH;
  header(2, anyLength);
  header(1, typeUrl.length);
  frame.write(typeUrl, at, "latin1");
  at += typeUrl.length;
  header(2, bodyLength);
  const bodyAt = at;
  for (const chunk of chunks) {
    frame.set(chunk, at);
    at += chunk.length;
  }
  const body = frame.subarray(bodyAt, at);
  header(3, nameLength);
  frame.write(name, at, "utf8");
  const version = contentVersion(body);
  frame.write(version, versionAt, "latin1");
  return { name, version, frame, body };
}
