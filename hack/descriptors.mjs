// Envoy's binary carries the serialized FileDescriptorProto of every proto it was built with. Reading them from there
// gives types that belong to exactly this release, with no proto checkout and no protoc.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const LENGTH_DELIMITED_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 12]);
const VARINT_FIELDS = new Set([10, 11, 14]);

/** What collectors of spans speak, for tests; Envoy's own protos do not name them. */
const COLLECTORS = ["opentelemetry/proto/collector/trace/v1/trace_service.proto", "zipkin.proto"];

/** @returns {[value: number, next: number] | undefined} a varint of at most 5 bytes at `at` */
function varint(bytes, at) {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [value, at + i + 1];
  }
  return undefined;
}

/** The end offset of the FileDescriptorProto that starts at `start`: C++ stores it without a length, so we walk its fields. */
function endOfDescriptor(bytes, start) {
  let at = start;
  let last = 0;
  for (;;) {
    const tag = varint(bytes, at);
    if (tag === undefined) return at;
    const field = Math.floor(tag[0] / 8);
    const wire = tag[0] % 8;
    // Fields are serialized in ascending order; a smaller number is whatever the linker put next. dependency lists (10, 11) come before 4..8.
    const order = field === 10 || field === 11 ? 3.5 : field;
    if (order < last || (field === 1 && at !== start)) return at;
    if (wire === 2 && LENGTH_DELIMITED_FIELDS.has(field)) {
      const length = varint(bytes, tag[1]);
      if (length === undefined || length[1] + length[0] > bytes.length) return at;
      at = length[1] + length[0];
    } else if (wire === 0 && VARINT_FIELDS.has(field)) {
      const value = varint(bytes, tag[1]);
      if (value === undefined) return at;
      at = value[1];
    } else {
      return at;
    }
    last = order;
  }
}

function parseAt(bytes, start) {
  try {
    return fromBinary(FileDescriptorProtoSchema, bytes.subarray(start, endOfDescriptor(bytes, start)));
  } catch {
    return undefined;
  }
}

/** lowerCamelCase as protoc writes json_name; C++ descriptors carry none, and without it JSON gets "" keys. */
export function jsonName(name) {
  return name.replace(/_+([a-zA-Z0-9])?/g, (_, next) => (next === undefined ? "" : next.toUpperCase()));
}

function fillJsonNames(message) {
  for (const field of [...message.field, ...message.extension]) field.jsonName ||= jsonName(field.name);
  for (const nested of message.nestedType) fillJsonNames(nested);
}

/**
 * Every proto file found in an Envoy binary, dependencies before dependents.
 * @param {Uint8Array} binary
 * @returns {Uint8Array} a serialized FileDescriptorSet
 * @throws {Error} when a file is imported but not found
 */
export function extractDescriptors(binary) {
  const bytes = Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength);
  const found = new Map();
  const suffix = Buffer.from(".proto");
  for (let hit = bytes.indexOf(suffix); hit !== -1; hit = bytes.indexOf(suffix, hit + 1)) {
    const end = hit + suffix.length;
    for (let length = suffix.length + 1; length < 128 && end - length >= 2; length++) {
      const start = end - length - 2;
      if (bytes[start] !== 0x0a || bytes[start + 1] !== length) continue;
      const name = bytes.toString("latin1", start + 2, end);
      if (!/^[A-Za-z0-9_./-]+$/.test(name)) break;
      const file = parseAt(bytes, start);
      if (
        file !== undefined &&
        file.name === name &&
        (file.messageType.length ||
          file.enumType.length ||
          file.service.length ||
          file.extension.length ||
          file.dependency.length)
      ) {
        const known = found.get(name);
        if (known === undefined || known.messageType.length < file.messageType.length) found.set(name, file);
      }
      break;
    }
  }
  const ordered = [];
  const state = new Map();
  const visit = (name, from) => {
    if (state.has(name)) return;
    state.set(name, true);
    const file = found.get(name);
    if (file === undefined) throw new Error(`${name}, imported by ${from}, is not in the Envoy binary`);
    for (const dependency of file.dependency) visit(dependency, name);
    for (const message of file.messageType) fillJsonNames(message);
    for (const extension of file.extension) extension.jsonName ||= jsonName(extension.name);
    ordered.push(file);
  };
  for (const name of [...found.keys()].sort()) {
    if (name.startsWith("envoy/") && name.includes("/v3/")) visit(name, "the root");
  }
  for (const name of COLLECTORS) visit(name, "the root");
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: ordered }));
}
