import { gunzipSync, gzipSync } from "node:zlib";
import { type Fields, isFields } from "../../crds/metadata.ts";
import type { QuarantineRecord } from "../../compile/record.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { Proxy } from "../state/replicas.ts";

const KIND = "NuncioBundle";
const FORMAT = 1;

/** A problem as it stands in a bundle: without the file that it is of. */
export interface SavedProblem {
  readonly code: string;
  readonly severity: string;
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly advice: string;
}

/** What a page of a gateway's admin port answered. */
export interface SavedAnswer {
  readonly path: string;
  /** Undefined: it did not answer, and the text says why. */
  readonly status: number | undefined;
  readonly text: string;
}

/** What only a cluster tells of a state: how it is served. The status of an object stands with the object. */
export interface SavedCluster {
  /** Of all replicas, as they were then; undefined: their Leases could not be read. */
  readonly replicas: readonly Proxy[] | undefined;
  /** What gateways keep of objects in quarantine. */
  readonly kept: readonly QuarantineRecord[];
}

/** A state to be looked at elsewhere: one JSON document, packed by gzip. */
export interface Bundle {
  readonly kind: typeof KIND;
  readonly format: typeof FORMAT;
  readonly madeAt: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Where the state is from, for people. */
  readonly from: string;
  readonly settings: CompileSettings;
  /** Absent where the state is of files. */
  readonly cluster?: SavedCluster | undefined;
  readonly gateway: readonly SavedAnswer[];
  /** All of them, for people: who reads the bundle compiles it again. */
  readonly problems: readonly SavedProblem[];
  /** Those that no compile would find again: of files, and of objects that are not read. */
  readonly sourceProblems: readonly SavedProblem[];
  readonly objects: readonly Fields[];
}

export function newBundle(content: Omit<Bundle, "kind" | "format">): Bundle {
  return { kind: KIND, format: FORMAT, ...content };
}

/** Packed, unless it is to be plain JSON. */
export function writeBundle(bundle: Bundle, packed: boolean): Buffer {
  const text = Buffer.from(`${JSON.stringify(bundle, undefined, 1)}\n`);
  return packed ? gzipSync(text) : text;
}

/** Undefined where the bytes are no bundle. @throws Error with the reason where they are one that cannot be read */
export function readBundle(bytes: Buffer): Bundle | undefined {
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isPacked && !bytes.subarray(0, 200).includes(`"${KIND}"`)) return undefined;
  const value: unknown = JSON.parse((isPacked ? gunzipSync(bytes) : bytes).toString("utf8"));
  if (!isFields(value) || value["kind"] !== KIND) throw new Error("it holds something else");
  if (value["format"] !== FORMAT) throw new Error(`its format is ${String(value["format"])}, and ${FORMAT} is read`);
  if (!Array.isArray(value["objects"]) || !isFields(value["settings"])) throw new Error("a part of it is missing");
  return value as unknown as Bundle;
}
