/** Objects without what others must not see. What a gateway makes of them stays the same, but for the values of headers. */
import { documentsOf } from "../../crds/documents.ts";
import { type Fields, isFields } from "../../crds/metadata.ts";
import { isSensitiveEntry, isSensitiveName, withoutCredentials } from "../../ir/sensitive.ts";
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

/** Hears of each text that is taken out. */
type OnHidden = (text: string) => void;

const nobody: OnHidden = () => undefined;

export function redactObject(raw: Fields, onHidden = nobody): Fields {
  const metadata = isFields(raw["metadata"]) ? redactMetadata(raw["metadata"], onHidden) : raw["metadata"];
  if (raw["kind"] === "Secret") return redactSecret({ ...raw, metadata });
  const redacted = redactValue(raw, "", onHidden);
  const { status, ...rest } = isFields(redacted) ? redacted : raw;
  // A Service's tells where a load balancer is, which is passed on.
  return { ...rest, metadata, ...(raw["kind"] === "Service" && status !== undefined ? { status } : {}) };
}

function redactMetadata(metadata: Fields, onHidden: OnHidden): Fields {
  const kept = Object.entries(metadata).filter(([name]) => metadataFields.includes(name));
  const { annotations } = metadata;
  const read = isFields(annotations)
    ? Object.entries(annotations)
        .filter(([name]) => readAnnotations.includes(name) || knativeAnnotation.test(name))
        .map(([name, value]): [string, unknown] => [
          name,
          name === annotationName ? redactConfig(value, onHidden) : value,
        ])
    : [];
  return Object.fromEntries([...kept, ...(read.length === 0 ? [] : [["annotations", Object.fromEntries(read)]])]);
}

/** Objects as YAML in a text. One that cannot be read, and may hold something, is hidden whole. */
function redactConfig(value: unknown, onHidden: OnHidden): unknown {
  if (typeof value !== "string") return value;
  const documents = documentsOf(value);
  if (!documents.every(({ ok }) => ok)) return isSensitiveName(value) ? HIDDEN : withoutCredentials(value, "");
  const before = documents.flatMap((each) => (each.ok ? [each.raw] : []));
  const after = before.map((raw) => redactValue(raw, "", onHidden));
  if (JSON.stringify(before) === JSON.stringify(after)) return value;
  return after.map((raw) => `---\n${stringify(raw, { version: "1.1", lineWidth: 0 })}`).join("");
}

/** @param field what the value is called, or where it is a list, the list */
export function redactValue(value: unknown, field: string, onHidden = nobody): unknown {
  if (typeof value === "string") return withoutCredentials(value);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, field, onHidden));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      isSensitiveEntry(field, name) ? hidden(each, onHidden) : redactValue(each, name, onHidden),
    ]),
  );
}

/** A value of the same form: text, or an object with the text as `value`. */
function hidden(value: unknown, onHidden: OnHidden): unknown {
  if (typeof value === "string") {
    onHidden(value);
    return HIDDEN;
  }
  if (Array.isArray(value)) return value.map((item) => hidden(item, onHidden));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, name === "value" ? hidden(String(each), onHidden) : each]),
  );
}
