/** The form in which the last good version of an object stands in a cluster: one Secret for each, in the gateway's namespace. */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { type QuarantineRecord, readRecord, type Remembered } from "../../compile/record.ts";
import { formatObject } from "../../ir/problem.ts";
import type { RawObject } from "../informers/raw.ts";
import { parseJson } from "../informers/raw.ts";

/** Type and label of these Secrets: nothing else in the cluster has them. */
export const secretType = "nuncio.dev/last-good";
const gatewayLabel = "nuncio.dev/gateway";
const objectAnnotation = "nuncio.dev/object";
const reasonAnnotation = "nuncio.dev/reason";
const sinceAnnotation = "nuncio.dev/since";
const digestAnnotation = "nuncio.dev/digest";

/** etcd takes 1.5 MiB and the API server 1 MiB of data. */
const MOST_BYTES = 1_000_000;
/** Smaller ones stay as people can read them. */
const PACKED_FROM_BYTES = 64 * 1024;

/** A Secret as it stands in the cluster. */
export interface KeptSecret {
  readonly name: string;
  /** Of the record; undefined when somebody else has written it. */
  readonly digest: string | undefined;
  readonly isOurs: boolean;
  /** Undefined when it cannot be read. */
  readonly remembered: (Remembered & { readonly record: QuarantineRecord }) | undefined;
}

/** A record on its way into a cluster. */
export interface Writing {
  readonly record: QuarantineRecord;
  /** Of the record. */
  readonly digest: string;
  /** The same, unpacked. */
  readonly bytes: number;
  /** What is wrong with the object. */
  readonly reason: string;
}

/** The gateway's id may hold what a label may not. */
function gatewayHash(ambassadorId: string): string {
  return createHash("sha256").update(ambassadorId).digest("hex").slice(0, 16);
}

/** One name for one object of one gateway, whatever its namespace and however long its name. */
export function secretName(ambassadorId: string, { object }: QuarantineRecord): string {
  const text = JSON.stringify([ambassadorId, object.kind, object.namespace, object.name]);
  return `nuncio-last-good-${createHash("sha256").update(text).digest("hex").slice(0, 20)}`;
}

export function measured(record: QuarantineRecord): Pick<Writing, "record" | "digest" | "bytes"> {
  const text = JSON.stringify(record);
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 32);
  return { record, digest, bytes: Buffer.byteLength(text) };
}

/** The Secret to be written; undefined when it is larger than a cluster takes. */
export function secretOf(
  ambassadorId: string,
  namespace: string,
  { record, digest, reason }: Writing,
  now: Date,
): Readonly<Record<string, unknown>> | undefined {
  const plain = Buffer.from(JSON.stringify(record));
  const isPacked = plain.length >= PACKED_FROM_BYTES;
  const bytes = isPacked ? gzipSync(plain) : plain;
  if (bytes.length > MOST_BYTES) return undefined;
  const data = bytes.toString("base64");
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: secretType,
    metadata: {
      name: secretName(ambassadorId, record),
      namespace,
      labels: { "app.kubernetes.io/managed-by": "nuncio", [gatewayLabel]: gatewayHash(ambassadorId) },
      annotations: {
        [objectAnnotation]: formatObject(record.object),
        [reasonAnnotation]: reason,
        [sinceAnnotation]: now.toISOString(),
        [digestAnnotation]: digest,
      },
    },
    // Null: what a patch takes away.
    data: { "record.json": isPacked ? null : data, "record.json.gz": isPacked ? data : null },
  };
}

export function readSecret(ambassadorId: string, raw: RawObject): KeptSecret {
  const { name } = raw.metadata;
  const isOurs = textsOf(raw.metadata["labels"])[gatewayLabel] === gatewayHash(ambassadorId);
  const record = isOurs ? readRecord(contentOf(textsOf(raw["data"]))) : undefined;
  // Under another name it would stand for another object, and never be removed.
  const remembered = record !== undefined && secretName(ambassadorId, record.record) === name ? record : undefined;
  return { name, isOurs, digest: textsOf(raw.metadata["annotations"])[digestAnnotation], remembered };
}

function contentOf(data: Readonly<Record<string, string>>): unknown {
  const { "record.json": plain, "record.json.gz": packed } = data;
  if (plain !== undefined) return parseJson(Buffer.from(plain, "base64").toString("utf8"));
  if (packed === undefined) return undefined;
  try {
    const most = { maxOutputLength: 64 * MOST_BYTES };
    return parseJson(gunzipSync(Buffer.from(packed, "base64"), most).toString("utf8"));
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
