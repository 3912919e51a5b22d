/** ConversionReview, version apiextensions.k8s.io/v1: the API server asks for objects in another version of their kind. */
import { convert } from "../../crds/versions/convert.ts";

export type ConversionAnswer =
  | { readonly ok: true; readonly text: string; readonly converted: number; readonly failure: string | undefined }
  | { readonly ok: false; readonly message: string };

const apiVersion = "apiextensions.k8s.io/v1";
const kind = "ConversionReview";

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** All of them or none: an object that cannot be converted fails the review, with its name. */
export function answerConversion(body: string): ConversionAnswer {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch {
    return { ok: false, message: "the body is not JSON" };
  }
  if (!isFields(review) || review["apiVersion"] !== apiVersion || review["kind"] !== kind) {
    return { ok: false, message: `the body is not a ${kind} of ${apiVersion}` };
  }
  const { request } = review;
  if (!isFields(request)) return { ok: false, message: "request is missing" };
  const { uid, desiredAPIVersion: wanted, objects } = request;
  if (typeof uid !== "string" || uid === "") return { ok: false, message: "request.uid is missing" };
  if (typeof wanted !== "string") return { ok: false, message: "request.desiredAPIVersion is missing" };
  if (!Array.isArray(objects)) return { ok: false, message: "request.objects is not a list" };

  const converted: Fields[] = [];
  for (const object of objects as readonly unknown[]) {
    const result = convert(object, wanted);
    if (!result.ok) return failed(uid, `${nameOf(object)} cannot be converted to ${wanted}: ${result.message}`);
    converted.push(result.object);
  }
  const response = { uid, convertedObjects: converted, result: { status: "Success" } };
  return { ok: true, text: write(response), converted: converted.length, failure: undefined };
}

function failed(uid: string, message: string): ConversionAnswer {
  const response = { uid, convertedObjects: [], result: { status: "Failed", message } };
  return { ok: true, text: write(response), converted: 0, failure: message };
}

function write(response: Fields): string {
  return JSON.stringify({ apiVersion, kind, response });
}

function nameOf(object: unknown): string {
  const { kind: of = "an object", metadata } = isFields(object) ? object : {};
  const { namespace = "", name = "(no name)" } = isFields(metadata) ? metadata : {};
  return `${String(of)} ${namespace === "" ? "" : `${String(namespace)}/`}${String(name)}`;
}
