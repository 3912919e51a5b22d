// What the programs of an image ask of it: read out of them, since those of another architecture cannot be asked by running them.
import fs from "node:fs";
import path from "node:path";
import { type Architecture, names } from "./parts.ts";
import type { Entry } from "./tree.ts";

export interface Binary {
  readonly machine: number;
  /** The dynamic loader's path; undefined of a library. */
  readonly interpreter: string | undefined;
  /** File names of libraries. */
  readonly needed: readonly string[];
}

const segmentTypes = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tags = { end: 0, needed: 1, strings: 5 } as const;
/** Source: elf(5), EM_X86_64 and EM_AARCH64. */
const machines = { amd64: 62, arm64: 183 } as const satisfies Record<Architecture, number>;

/** Undefined when the file is no 64-bit little-endian ELF. */
export function readBinary(file: string): Binary | undefined {
  const descriptor = fs.openSync(file, "r");
  const at = (offset: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, length, offset));
  };
  try {
    const header = at(0, 64);
    if (header.length < 64 || header.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") return undefined;
    const size = header.readUInt16LE(54);
    const table = at(Number(header.readBigUInt64LE(32)), size * header.readUInt16LE(56));
    const segments = Array.from({ length: table.length / size }, (_, index) => {
      const number = (offset: number) => Number(table.readBigUInt64LE(index * size + offset));
      return { type: table.readUInt32LE(index * size), offset: number(8), address: number(16), length: number(32) };
    });
    const bytesOf = (type: number) => {
      const segment = segments.find((each) => each.type === type);
      return segment === undefined ? undefined : at(segment.offset, segment.length);
    };
    const dynamic = bytesOf(segmentTypes.dynamic) ?? Buffer.alloc(0);
    const entries = Array.from({ length: dynamic.length / 16 }, (_, index) => ({
      tag: Number(dynamic.readBigInt64LE(index * 16)),
      value: Number(dynamic.readBigUInt64LE(index * 16 + 8)),
    }));
    const strings = entries.find(({ tag }) => tag === tags.strings)?.value ?? 0;
    const home = segments.find(
      ({ type, address, length }) => type === segmentTypes.load && address <= strings && strings < address + length,
    );
    const text = (value: number) => untilZero(at(strings - (home?.address ?? 0) + (home?.offset ?? 0) + value, 256));
    const interpreter = bytesOf(segmentTypes.interpreter);
    return {
      machine: header.readUInt16LE(18),
      interpreter: interpreter === undefined ? undefined : untilZero(interpreter),
      needed: entries.filter(({ tag }) => tag === tags.needed).map(({ value }) => text(value)),
    };
  } finally {
    fs.closeSync(descriptor);
  }
}

const untilZero = (bytes: Buffer): string => bytes.toString("latin1", 0, bytes.indexOf(0));

/** What a container could not start with: a line for each program or library of another architecture, or that lacks something. */
export function missingFrom(entries: readonly Entry[], architecture: Architecture): string[] {
  const { triplet } = names[architecture];
  const paths = new Set(entries.map((entry) => entry.path));
  return entries.flatMap((entry) => {
    if (entry.kind !== "file" || typeof entry.content === "string") return [];
    const binary = readBinary(entry.content.file);
    if (binary === undefined) return [];
    if (binary.machine !== machines[architecture]) return [`${entry.path} is not for ${architecture}`];
    const libraries = binary.needed
      .filter((name) => !["lib", "usr/lib"].some((folder) => paths.has(path.join(folder, triplet, name))))
      .map((name) => `${entry.path} needs ${name}`);
    const { interpreter } = binary;
    const lacksLoader = interpreter !== undefined && !paths.has(interpreter.slice(1));
    return [...libraries, ...(lacksLoader ? [`${entry.path} needs ${interpreter}`] : [])];
  });
}
