/** What a replica tells the others, as an annotation of its Lease. */
import { z } from "zod";

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
const MOST_WORDS = 500;
const MOST_REFUSED_RESOURCES = 5;

/** A bounded text; what is left out is told. */
export function writeReport({ refused, more = false, types = {}, ...rest }: ReplicaReport): string {
  const cut = ({ message, ...object }: Refusal) => ({ ...object, message: shortened(message) });
  const isMore = more || refused.length > MOST_REFUSED;
  return JSON.stringify({
    ...rest,
    refused: refused.slice(0, MOST_REFUSED).map(cut),
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
