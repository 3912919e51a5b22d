/** AdmissionReview, version admission.k8s.io/v1, as the API server sends it and wants it answered. */
import type { PeprValidateRequest } from "pepr";

/** Pepr does not export its type of this. */
export type AdmissionRequest = ConstructorParameters<typeof PeprValidateRequest<object>>[0];

export type ReadReview =
  | { readonly ok: true; readonly request: AdmissionRequest }
  | { readonly ok: false; readonly message: string };

export interface Answer {
  readonly allowed: boolean;
  /** Of a denial. */
  readonly code?: number | undefined;
  readonly message?: string | undefined;
  readonly warnings?: readonly string[] | undefined;
  /** Operations of a JSON patch (RFC 6902). */
  readonly patch?: readonly object[] | undefined;
}

const apiVersion = "admission.k8s.io/v1";
const kind = "AdmissionReview";

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function readReview(body: string): ReadReview {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch {
    return bad("the body is not JSON");
  }
  if (!isFields(review)) return bad("the body is not a JSON object");
  if (review["apiVersion"] !== apiVersion || review["kind"] !== kind)
    return bad(`the body is not an ${kind} of ${apiVersion}`);
  const { request } = review;
  if (!isFields(request)) return bad("request is missing");
  for (const field of ["uid", "operation"]) {
    if (typeof request[field] !== "string" || request[field] === "") return bad(`request.${field} is missing`);
  }
  const type = request["kind"];
  if (!isFields(type) || ![type["group"], type["version"], type["kind"]].every((part) => typeof part === "string")) {
    return bad("request.kind is not a group, version and kind");
  }
  const field = request["operation"] === "DELETE" ? "oldObject" : "object";
  // CONNECT brings an object of its own kind; whatever else there is, is looked at when it is judged.
  if (!isFields(request[field])) return bad(`request.${field} is not an object`);
  return { ok: true, request: named(request, field) as unknown as AdmissionRequest };
}

function bad(message: string): ReadReview {
  return { ok: false, message };
}

/** No field of ours needs a tenth of it, and Pepr copies objects by recursion: some thousands are the end of its stack. */
const mostLevels = 500;

/** Why an object cannot be judged at all; undefined: it can be. */
export function unjudgeable(object: unknown): string | undefined {
  let level: unknown[] = [object];
  for (let levels = 0; level.length > 0; levels++) {
    if (levels > mostLevels)
      return `the object has lists or maps in each other, over ${mostLevels} levels; no field takes that`;
    level = level.flatMap((value): unknown[] =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
  return undefined;
}

/** With metadata.generateName and without a name, the object is spoken of by what its name will begin with. */
function named(request: Fields, field: string): Fields {
  const object = request[field];
  if (!isFields(object) || !isFields(object["metadata"])) return request;
  const { metadata } = object;
  const written = [metadata["name"], request["name"], metadata["generateName"]];
  const name = written.find((each) => typeof each === "string" && each !== "");
  const namespace = metadata["namespace"] ?? request["namespace"];
  if (name === metadata["name"] && namespace === metadata["namespace"]) return request;
  return { ...request, [field]: { ...object, metadata: { ...metadata, name, namespace } } };
}

/** The body of the answer. */
export function writeReview(uid: string, { allowed, code, message, warnings = [], patch = [] }: Answer): string {
  const status = allowed ? undefined : { code: code ?? 422, reason: "Invalid", message };
  return JSON.stringify({
    apiVersion,
    kind,
    response: {
      uid,
      allowed,
      status,
      warnings: warnings.length === 0 ? undefined : warnings.map(oneLine),
      ...(patch.length === 0 ? {} : { patchType: "JSONPatch", patch: base64(patch) }),
    },
  });
}

function base64(patch: readonly object[]): string {
  return Buffer.from(JSON.stringify(patch)).toString("base64");
}

/** A warning travels in an HTTP header. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, " ").trim();
}
