/** What a replica tells the others, as an annotation of its Lease. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { memoForever } from "../ir/memo.ts";

/** By type of Envoy's resources. Times are RFC 3339. */
const typeReport = z.object({
  resources: z.int(),
  /** Of all of them: equal ones are of equal content, in whichever proxy. */
  digest: z.string(),
  /** When Envoy acknowledged that content; undefined: it has not yet. */
  acknowledgedAt: z.string().optional(),
  /** From the moment at which it was sent. */
  lagMs: z.number().optional(),
  /** Envoy's words for what it refuses now. */
  refused: z.array(z.object({ name: z.string(), message: z.string() })).optional(),
});

const refusal = z.object({ kind: z.string(), namespace: z.string(), name: z.string(), message: z.string() });

const report = z.object({
  /** As /readyz says; and why not. */
  ready: z.boolean(),
  reason: z.string().optional(),
  /** By kind: the resourceVersion up to which Envoy serves what was read of it. */
  versions: z.record(z.string(), z.string()),
  /** Objects of which Envoy refuses what was made of them. */
  refused: z.array(refusal),
  /** `refusedDigest` of the next ones, one after the other. */
  alsoRefused: z.string().optional(),
  /** There are more. */
  more: z.boolean().optional(),
  types: z.record(z.string(), typeReport).optional(),
});

export type TypeReport = z.output<typeof typeReport>;
export type Refusal = z.output<typeof refusal>;
export type ReplicaReport = z.output<typeof report>;

export const reportAnnotation = "nuncio/report";

/** All annotations of an object have 256 KiB together. */
const MOST_REFUSED = 100;
/** Else one who has that many objects refused would leave it open whether any other is served. */
const MOST_DIGESTS = 4000;
const MOST_WORDS = 500;
const DIGEST_LENGTH = 8;

/** Short, and unlikely to be that of another of some thousand objects. */
export function refusedDigest({ kind, namespace, name }: Pick<Refusal, "kind" | "namespace" | "name">): string {
  return createHash("sha256").update(`${kind} ${namespace}/${name}`).digest("base64").slice(0, DIGEST_LENGTH);
}

/** Of the objects that are refused beside those that are listed. */
export const digestsIn = memoForever(({ alsoRefused = "" }: ReplicaReport): ReadonlySet<string> => {
  const count = Math.floor(alsoRefused.length / DIGEST_LENGTH);
  return new Set(
    Array.from({ length: count }, (_, at) => alsoRefused.slice(at * DIGEST_LENGTH, (at + 1) * DIGEST_LENGTH)),
  );
});
const MOST_REFUSED_RESOURCES = 5;

/** A bounded text; what is left out is told. */
export function writeReport({ refused, more = false, types = {}, ...rest }: ReplicaReport): string {
  const cut = ({ message, ...object }: Refusal) => ({ ...object, message: shortened(message) });
  const others = refused.slice(MOST_REFUSED);
  const isMore = more || others.length > MOST_DIGESTS;
  return JSON.stringify({
    ...rest,
    refused: refused.slice(0, MOST_REFUSED).map(cut),
    ...(others.length > 0 ? { alsoRefused: others.slice(0, MOST_DIGESTS).map(refusedDigest).join("") } : {}),
    ...(isMore ? { more: true } : {}),
    types: Object.fromEntries(Object.entries(types).map(([type, each]) => [type, boundedType(each)])),
  });
}

function boundedType({ refused, ...rest }: TypeReport): TypeReport {
  if (refused === undefined || refused.length === 0) return rest;
  const some = refused.slice(0, MOST_REFUSED_RESOURCES);
  return { ...rest, refused: some.map(({ name, message }) => ({ name, message: shortened(message) })) };
}

function shortened(text: string): string {
  return text.length <= MOST_WORDS ? text : `${text.slice(0, MOST_WORDS - 3)}...`;
}

/** Undefined for what is none, or another version's. */
export function readReport(text: unknown): ReplicaReport | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return report.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
