/** The API server's JSON, as far as the informers must understand it: who an object is and which version of it this is. */

import { apiVersionOf } from "./kind.ts";
import type { WatchedKind } from "./kind.ts";

export interface RawMetadata {
  readonly name: string;
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly [field: string]: unknown;
}

export interface RawObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: RawMetadata;
  readonly [field: string]: unknown;
}

export interface RawList {
  readonly resourceVersion: string;
  /** Where the next page starts; empty at the end. */
  readonly next: string;
  readonly objects: readonly RawObject[];
}

export type WatchEvent =
  | { readonly type: "put" | "remove"; readonly object: RawObject }
  | { readonly type: "bookmark"; readonly resourceVersion: string }
  | { readonly type: "error"; readonly status: Status };

/** The API server's form of a failure. */
export interface Status {
  readonly code: number;
  readonly message: string;
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** One page of a LIST; undefined when it is not one. */
export function readList(body: unknown, kind: WatchedKind): RawList | undefined {
  if (!isRecord(body) || !isRecord(body["metadata"]) || !Array.isArray(body["items"])) return undefined;
  const resourceVersion = body["metadata"]["resourceVersion"];
  const next = body["metadata"]["continue"] ?? "";
  if (typeof resourceVersion !== "string" || typeof next !== "string") return undefined;
  const objects: RawObject[] = [];
  for (const item of body["items"]) {
    const object = readObject(item, kind);
    if (object === undefined) return undefined;
    objects.push(object);
  }
  return { resourceVersion, next, objects };
}

/** One line of a WATCH; undefined when it is not an event. */
export function readEvent(line: string, kind: WatchedKind): WatchEvent | undefined {
  const body = parseJson(line);
  if (!isRecord(body)) return undefined;
  if (body["type"] === "ERROR") return { type: "error", status: readStatus(body["object"]) };
  if (body["type"] === "BOOKMARK") {
    const resourceVersion = isRecord(body["object"]) ? readMetadata(body["object"])?.["resourceVersion"] : undefined;
    return typeof resourceVersion === "string" ? { type: "bookmark", resourceVersion } : undefined;
  }
  const object = readObject(body["object"], kind);
  if (object === undefined) return undefined;
  if (body["type"] === "ADDED" || body["type"] === "MODIFIED") return { type: "put", object };
  return body["type"] === "DELETED" ? { type: "remove", object } : undefined;
}

/** Of one resource in an APIResourceList; empty when it is not in it. */
export function readVerbs(body: unknown, plural: string): readonly string[] {
  const resources = isRecord(body) && Array.isArray(body["resources"]) ? body["resources"] : [];
  const resource: unknown = resources.find((each: unknown) => isRecord(each) && each["name"] === plural);
  const verbs = isRecord(resource) && Array.isArray(resource["verbs"]) ? resource["verbs"] : [];
  return verbs.filter((verb: unknown) => typeof verb === "string");
}

export function readStatus(body: unknown): Status {
  const { code, message } = isRecord(body) ? body : {};
  return { code: typeof code === "number" ? code : 0, message: typeof message === "string" ? message : "" };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the error's message would quote the text, which may be a Secret
  }
}

/** Without managedFields and last-applied-configuration: half of an object's bytes, for a Secret its content once more, and nothing
 *  that a gateway reads. */
function readObject(item: unknown, kind: WatchedKind): RawObject | undefined {
  if (!isRecord(item)) return undefined;
  const metadata = readMetadata(item);
  if (metadata === undefined) return undefined;
  const { name, namespace, uid, resourceVersion, managedFields: _bulk, ...rest } = metadata;
  if (typeof name !== "string" || typeof uid !== "string" || typeof resourceVersion !== "string") return undefined;
  return {
    ...item,
    apiVersion: typeof item["apiVersion"] === "string" ? item["apiVersion"] : apiVersionOf(kind),
    kind: typeof item["kind"] === "string" ? item["kind"] : kind.kind,
    metadata: {
      name,
      ...(typeof namespace === "string" ? { namespace } : {}),
      uid,
      resourceVersion,
      ...rest,
      ...withoutLastApplied(rest["annotations"]),
    },
  };
}

function withoutLastApplied(annotations: unknown): { readonly annotations?: unknown } {
  if (!isRecord(annotations) || !(lastApplied in annotations)) return {};
  const { [lastApplied]: _copy, ...kept } = annotations;
  return { annotations: kept };
}

function readMetadata(item: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  return isRecord(item["metadata"]) ? item["metadata"] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
