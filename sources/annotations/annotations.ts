/**
 * Objects in the annotation getambassador.io/config of a Service or an Ingress, as YAML with several documents. They are
 * resources as any other, but what is wrong with them is told by the object that bears the annotation.
 * Source: Emissary pkg/snapshot/v1/annotations.go.
 */
import { customKinds } from "../../capabilities/kinds.ts";
import { group } from "../../crds/common.ts";
import { documentsOf } from "../../crds/documents.ts";
import { type Fields, isFields } from "../../crds/metadata.ts";
import { parseResource } from "../../crds/parse.ts";
import { isOlder, pathAsWritten } from "../../crds/versions/convert.ts";
import { type Bearer, type Held, placed, type Unread } from "../../crds/held.ts";
import { everyGateway } from "../../crds/ambassador-id.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { PathStep, Problem, Within } from "../../ir/problem.ts";

export const annotationName = `${group}/config`;

const kindNames: ReadonlySet<string> = new Set(customKinds.map(({ kind }) => kind));

const parsed = new WeakMap<Bearer, Held>();

/** Undefined without the annotation. The same for the same bearer. */
export function annotatedBy(bearer: Bearer): Held | undefined {
  const text = bearer.annotations[annotationName];
  if (text === undefined) return undefined;
  let annotated = parsed.get(bearer);
  if (annotated === undefined) parsed.set(bearer, (annotated = readAnnotation(bearer, text)));
  return annotated;
}

/**
 * Takes over what the annotation said when the bearer has changed, and nothing of it that the annotation's objects take
 * from it. @returns undefined when they have to be read anew
 */
export function carriedOver(bearer: Bearer, earlier: Held): Held | undefined {
  const { bearer: before } = earlier;
  const isSame =
    bearer.annotations[annotationName] === before.annotations[annotationName] &&
    bearer.uid === before.uid &&
    bearer.creationTimestamp === before.creationTimestamp &&
    // The lines of a file may have moved.
    bearer.origin === before.origin &&
    sameTexts(bearer.labels, before.labels);
  if (!isSame) return undefined;
  parsed.set(bearer, earlier);
  return earlier;
}

function sameTexts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function readAnnotation(bearer: Bearer, text: string): Held {
  const objects: AnyResource[] = [];
  const unread: Unread[] = [];
  documentsOf(text).forEach((document, index) => {
    const at: readonly PathStep[] = ["metadata", "annotations", annotationName, index];
    if (!document.ok) {
      const message = `line ${document.line} of the annotation is ${document.reason}`;
      const advice = "the other documents of the annotation are used";
      const problem: Problem = { code: "InvalidYaml", severity: "error", object: bearer, path: at, message, advice };
      unread.push({ ids: everyGateway, problem });
      return;
    }
    const { raw } = document;
    // Objects of older versions are converted by the parser, as everywhere; here they are told of in their own words.
    const object = unfolded(raw, bearer);
    const written = (path: readonly PathStep[]) =>
      isFields(object) && isOlder(object) ? pathAsWritten(object, path) : path;
    const within: Within = {
      object: bearer,
      place: `${bearer.kind} ${bearer.namespace}/${bearer.name} ${String(index).padStart(4, "0")}`,
      tell: ({ path, message, advice }) => ({ path: [...at, ...pathIn(raw, written(path))], message, advice }),
    };
    const { resource, problems } = parseResource(object);
    if (resource !== undefined && kindNames.has(resource.kind)) {
      objects.push(placed(resource, bearer, within));
      return;
    }
    const ids = idsOf(raw);
    const told = resource === undefined ? problems : [foreignKind(resource)];
    for (const problem of told) unread.push({ ids, problem: { ...problem, ...within.tell(problem), object: bearer } });
  });
  return { bearer, objects, unread };
}

/** What stands beside apiVersion, kind, metadata and spec belongs into one of these. */
function unfolded(raw: unknown, { namespace, labels }: Bearer): unknown {
  if (!isFields(raw)) return raw;
  const metadata: Record<string, unknown> = isFields(raw["metadata"]) ? { ...raw["metadata"] } : {};
  const spec: Record<string, unknown> = isFields(raw["spec"]) ? { ...raw["spec"] } : {};
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (key === "metadata" || key === "spec") continue;
    if (key === "apiVersion" || key === "kind" || key === "status") kept[key] = value;
    else if (key === "name" || key === "namespace" || key === "generation") metadata[key] = value;
    else if (key === "metadata_labels") metadata["labels"] = value;
    else spec[key] = value;
  }
  const { apiVersion } = kept;
  if (typeof apiVersion === "string" && apiVersion.startsWith("ambassador/"))
    kept["apiVersion"] = `get${apiVersion.replace("/", ".io/")}`;
  metadata["namespace"] ||= namespace;
  metadata["labels"] ??= labels;
  const isSpecWrong = raw["spec"] !== undefined && !isFields(raw["spec"]) && Object.keys(spec).length === 0;
  return { ...kept, metadata, spec: isSpecWrong ? raw["spec"] : spec };
}

/** The path as it is written, of one in the unfolded object. */
function pathIn(raw: unknown, path: readonly PathStep[]): readonly PathStep[] {
  const [first, second, ...rest] = path;
  if (!isFields(raw) || second === undefined) return path;
  if (first === "metadata" && second === "labels" && Object.hasOwn(raw, "metadata_labels"))
    return ["metadata_labels", ...rest];
  if (first !== "metadata" && first !== "spec") return path;
  return Object.hasOwn(raw, second) || !Object.hasOwn(raw, first) ? [second, ...rest] : path;
}

function foreignKind(resource: AnyResource): Problem {
  return {
    code: "InvalidObject",
    severity: "error",
    object: resource,
    path: [],
    message: `${resource.kind} of ${resource.apiVersion} cannot stand in an annotation`,
    advice: `write an object of ${group}, or apply it as an object of its own`,
  };
}

/** A name or several, at the top or in the spec. */
function idsOf(raw: unknown): readonly string[] | undefined {
  if (!isFields(raw)) return undefined;
  const spec: Fields = isFields(raw["spec"]) ? raw["spec"] : {};
  const ids = raw["ambassador_id"] ?? spec["ambassador_id"];
  if (typeof ids === "string") return [ids];
  return Array.isArray(ids) && ids.every((id) => typeof id === "string") ? ids : undefined;
}
