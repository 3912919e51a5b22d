import type { ObjectRef, Origin, PathStep, Problem } from "../ir/problem.ts";
import { show } from "./messages.ts";
import { unknownField } from "./unknown-fields.ts";

/** What is kept of metadata; managedFields and the like are dropped. */
export interface Metadata {
  readonly uid: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Kind, namespace and name, as far as they can be told; of a namespaced object without a namespace it is `default`. */
export function refOf(raw: Fields, scope: "Namespaced" | "Cluster", origin: Origin | undefined): ObjectRef {
  const metadata = isFields(raw["metadata"]) ? raw["metadata"] : {};
  const kind = typeof raw["kind"] === "string" && raw["kind"] !== "" ? raw["kind"] : "Object";
  const name = isName(metadata["name"]) ? metadata["name"] : "";
  const written = metadata["namespace"];
  const namespace = scope === "Cluster" ? "" : isName(written) ? written : "default";
  return origin === undefined ? { kind, namespace, name } : { kind, namespace, name, origin };
}

/** Of the API server's rules for names only what else would pass for another object, or for another line of a log: files and
 *  annotations have not been through them, and Emissary's users write capitals and underscores there. Half of a surrogate pair
 *  is another name in Envoy's messages. */
function isName(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed() && /^[^\s/\p{Cc}]+$/u.test(value);
}

export function refusal(object: ObjectRef, path: readonly PathStep[], message: string, advice: string): Problem {
  return { code: "InvalidObject", severity: "error", object, path, message, advice };
}

const nothing: Readonly<Record<string, string>> = Object.freeze({});

/** kubectl's copy of the manifest: half the size of an object, and of a Secret all that it hides. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

const fieldNames = [
  "name",
  "namespace",
  "labels",
  "annotations",
  "generateName",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "finalizers",
  "ownerReferences",
  "managedFields",
  "selfLink",
];
const knownNames = new Set(fieldNames);

const NAME_ADVICE = "write letters, digits and hyphens";

function wrongName(written: unknown, what: string): string {
  return `${show(written)} is not ${typeof written === "string" ? `the name of ${what}` : "a string"}`;
}

export function readMetadata(raw: Fields, object: ObjectRef, problems: Problem[]): Metadata | undefined {
  const metadata = raw["metadata"];
  if (!isFields(metadata)) {
    const message = metadata === undefined ? "is required and missing" : "is not an object";
    problems.push(refusal(object, ["metadata"], message, "add metadata with a name"));
    return undefined;
  }
  if (object.name === "") {
    const { name } = metadata;
    const isMissing = name === undefined || name === "";
    const message = isMissing ? "is required and missing" : wrongName(name, "an object");
    const advice = typeof name === "string" && !isMissing ? NAME_ADVICE : "add a name, which is a string";
    problems.push(refusal(object, ["metadata", "name"], message, advice));
    return undefined;
  }
  const { namespace, uid, generation, creationTimestamp: created } = metadata;
  if (namespace !== undefined && namespace !== null && namespace !== "" && !isName(namespace)) {
    const advice = typeof namespace === "string" ? NAME_ADVICE : "write the namespace's name in quotes";
    problems.push(refusal(object, ["metadata", "namespace"], wrongName(namespace, "a namespace"), advice));
    return undefined;
  }
  for (const key in metadata) {
    if (knownNames.has(key)) continue;
    const field = unknownField(key, ["metadata", key], "metadata", fieldNames);
    problems.push({ code: "UnknownField", severity: "warning", object, ...field });
  }
  return {
    uid: typeof uid === "string" ? uid : "",
    generation: typeof generation === "number" ? generation : 0,
    creationTimestamp: typeof created === "string" ? created : created instanceof Date ? created.toISOString() : "",
    labels: readTexts(metadata, "labels", object, problems),
    annotations: readTexts(metadata, "annotations", object, problems),
  };
}

function readTexts(
  metadata: Fields,
  field: "labels" | "annotations",
  object: ObjectRef,
  problems: Problem[],
): Readonly<Record<string, string>> {
  const written = metadata[field];
  if (written === undefined || written === null) return nothing;
  const refuse = (path: readonly PathStep[], message: string, advice: string): void => {
    problems.push({ code: "InvalidField", severity: "error", object, path, message, advice });
  };
  if (!isFields(written)) {
    refuse(["metadata", field], "is not a map", `write the ${field} as names with values`);
    return nothing;
  }
  const kept: [string, string][] = [];
  for (const [key, value] of Object.entries(written)) {
    if (typeof value !== "string") {
      const scalar = typeof value === "number" || typeof value === "boolean";
      const message = scalar ? `${value} is not a string` : "the value is not a string";
      refuse(["metadata", field, key], message, scalar ? `write it in quotes: "${value}"` : "write one string");
    } else if (key !== lastApplied) kept.push([key, value]);
  }
  return kept.length === 0 ? nothing : Object.freeze(Object.fromEntries(kept));
}
