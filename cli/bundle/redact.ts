/** Objects without what others must not see. What a gateway makes of them stays the same, but for the values of headers. */
import { documentsOf } from "../../crds/documents.ts";
import { type Fields, isFields } from "../../crds/metadata.ts";
import { annotationName } from "../../sources/annotations/annotations.ts";
import { stringify } from "yaml";
import { redactSecret } from "./secrets.ts";

const HIDDEN = "[redacted]";

/** Of metadata, what a gateway reads. Annotations of others may hold anything; kubectl's hold the whole object once more. */
const metadataFields = ["name", "namespace", "uid", "generation", "creationTimestamp", "deletionTimestamp", "labels"];
const readAnnotations = [
  annotationName,
  "getambassador.io/ambassador-id",
  "getambassador.io/rewrite",
  "kubernetes.io/ingress.class",
];
const knativeAnnotation = /^(?:[\w-]+\.)*knative\.dev\//;

/** Fields whose entries are headers by their names. */
const headerMaps: ReadonlySet<string> = new Set([
  ...["headers", "add_request_headers", "add_response_headers", "add_auth_headers"],
  ...["regex_headers", "query_parameters", "regex_query_parameters"],
]);
const sensitiveName = /authorization|cookie|passw|secret|token|api[-_]?key|credential|session/i;

/** `scheme://user:password@host` in any text. */
const credentials = /(:\/\/)[^/@\s"']+@/g;

export function redactObject(raw: Fields): Fields {
  const metadata = isFields(raw["metadata"]) ? redactMetadata(raw["metadata"]) : raw["metadata"];
  if (raw["kind"] === "Secret") return redactSecret({ ...raw, metadata });
  const redacted = redactValue(raw, "");
  const { status, ...rest } = isFields(redacted) ? redacted : raw;
  // A Service's tells where a load balancer is, which is passed on.
  return { ...rest, metadata, ...(raw["kind"] === "Service" && status !== undefined ? { status } : {}) };
}

function redactMetadata(metadata: Fields): Fields {
  const kept = Object.entries(metadata).filter(([name]) => metadataFields.includes(name));
  const { annotations } = metadata;
  const read = isFields(annotations)
    ? Object.entries(annotations)
        .filter(([name]) => readAnnotations.includes(name) || knativeAnnotation.test(name))
        .map(([name, value]): [string, unknown] => [name, name === annotationName ? redactConfig(value) : value])
    : [];
  return Object.fromEntries([...kept, ...(read.length === 0 ? [] : [["annotations", Object.fromEntries(read)]])]);
}

/** Objects as YAML in a text. One that cannot be read, and may hold something, is hidden whole. */
function redactConfig(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const documents = documentsOf(value);
  if (!documents.every(({ ok }) => ok)) return sensitiveName.test(value) ? HIDDEN : value.replace(credentials, "$1");
  const before = documents.flatMap((each) => (each.ok ? [each.raw] : []));
  const after = before.map((raw) => redactValue(raw, ""));
  if (JSON.stringify(before) === JSON.stringify(after)) return value;
  return after.map((raw) => `---\n${stringify(raw, { version: "1.1", lineWidth: 0 })}`).join("");
}

function redactValue(value: unknown, field: string): unknown {
  if (typeof value === "string") return value.replace(credentials, `$1${HIDDEN}@`);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, field));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      headerMaps.has(field) && sensitiveName.test(name) ? hidden(each) : redactValue(each, name),
    ]),
  );
}

/** A value of the same form: text, or an object with the text as `value`. */
function hidden(value: unknown): unknown {
  if (typeof value === "string") return HIDDEN;
  if (Array.isArray(value)) return value.map(hidden);
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, name === "value" ? HIDDEN : each]));
}
