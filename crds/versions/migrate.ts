/** Manifests of v1, v2 and with deprecated spellings, rewritten as today's v3alpha1: text in, text out. */
import { type Document, parseAllDocuments } from "yaml";
import { group, version as current } from "../common.ts";
import { reasonOf, split, yamlOptions } from "../documents.ts";
import { convert, isOlder } from "./convert.ts";
import { type Fields, fromEntries, has, isEqual, isFields, withField, without } from "./json.ts";
import { versionedKinds } from "./kinds.ts";
import { modernSpec, withoutV2 } from "./modern.ts";
import { nameOf, type Notes, type Rewritten, rewriteObjects, valueOf, write } from "./rewrite.ts";

const configAnnotation = "getambassador.io/config";

export function migrate(text: string): Rewritten {
  return rewriteObjects(text, migrateValue);
}

function migrateValue(raw: Fields, notes: Notes): Fields {
  const { apiVersion, kind } = raw;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return raw;
  if (apiVersion.startsWith(`${group}/`)) return migrateObject(raw, notes);
  return kind === "Service" || kind === "Ingress" ? migrateAnnotation(raw, notes) : raw;
}

const today = `${group}/${current}`;

function migrateObject(raw: Fields, notes: Notes): Fields {
  const object = nameOf(raw);
  const version = String(raw["apiVersion"]).slice(group.length + 1);
  const converted = isOlder(raw) ? convert(raw, today, { remembering: false }) : undefined;
  if (converted?.ok === false || (converted === undefined && /^v[012]$/.test(version))) {
    const why = converted === undefined ? unreadable(String(raw["kind"]), version) : converted.message;
    notes.failed(object, `was left as it is: ${why}`);
    return raw;
  }
  for (const { path, message } of converted?.notes ?? [])
    notes.failed(object, `${path.join(".")} ${message}: it is left out`);
  const now = converted?.object ?? raw;
  const spec = now["spec"];
  if (!isFields(spec)) {
    if (converted !== undefined) notes.rewritten(object, `${version} -> ${current}`);
    return now;
  }
  const modern = modernSpec(String(raw["kind"]), converted === undefined ? spec : withoutV2(spec));
  const what = [...(converted === undefined ? [] : [`${version} -> ${current}`]), ...modern.changes];
  if (what.length > 0) notes.rewritten(object, what.join("; "));
  return withField(now, "spec", modern.spec);
}

function unreadable(kind: string, version: string): string {
  const row = versionedKinds.get(kind);
  if (row === undefined) return `${kind} is no kind that is known here`;
  const [oldest] = row.older;
  const advice = version === "v0" && oldest !== undefined ? `; write ${oldest}, and rewrite that` : "";
  return `there is no ${kind} in ${version}${advice}`;
}

/** Resources in an annotation: whole ones, or with all their fields at the top. Source: Emissary pkg/snapshot/v1 annotations. */
function migrateAnnotation(raw: Fields, notes: Notes): Fields {
  const metadata = raw["metadata"];
  const annotations = isFields(metadata) ? metadata["annotations"] : undefined;
  if (!isFields(metadata) || !isFields(annotations)) return raw;
  const text = annotations[configAnnotation];
  if (typeof text !== "string") return raw;
  const owner = nameOf(raw);
  const inside: Notes = {
    rewritten: (object, what) => notes.rewritten(`${owner}, annotation: ${object}`, what),
    failed: (object, what) => notes.failed(`${owner}, annotation: ${object}`, what),
  };
  const done = split(text)
    .map((part) => migrateConfig(part.text, inside))
    .join("");
  return withField(raw, "metadata", withField(metadata, "annotations", withField(annotations, configAnnotation, done)));
}

function migrateConfig(text: string, notes: Notes): string {
  const marker = /^---[^\S\n]*\n/.exec(text)?.[0] ?? "";
  const body = text.slice(marker.length);
  const documents = parseAllDocuments(body, yamlOptions) as Document[];
  const [document] = documents;
  if (document === undefined) return text;
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken !== undefined || documents.length > 1) {
    const reason = broken === undefined ? "several documents end in ... here" : reasonOf(broken, body);
    notes.failed("document", `is not valid YAML: ${reason}`);
    return text;
  }
  const raw = valueOf(document);
  if (!isFields(raw)) return text;
  const wanted = migrateFlat(raw, notes);
  if (isEqual(raw, wanted)) return text;
  const written = write(body, raw, wanted);
  if (written === undefined) notes.failed(nameOf(raw), "was left as it is: its anchors and aliases stand in the way");
  return written === undefined ? text : marker + written;
}

const ownFields = ["apiVersion", "kind", "name", "namespace", "generation", "metadata_labels"];

function migrateFlat(written: Fields, notes: Notes): Fields {
  const { apiVersion } = written;
  if (typeof apiVersion !== "string") return written;
  const grouped = apiVersion.replace(/^ambassador\//, `${group}/`);
  if (!grouped.startsWith(`${group}/`)) return written;
  const raw = withField(written, "apiVersion", grouped);
  const alias = grouped === apiVersion ? [] : [`${apiVersion} -> ${grouped}`];
  if (has(raw, "spec") || isFields(raw["metadata"])) {
    const done = migrateObject(raw, notes);
    if (alias.length > 0 && done === raw && grouped === today) notes.rewritten(nameOf(raw), alias.join());
    return done === raw && grouped !== today ? written : done;
  }
  const { name, namespace, kind } = raw;
  const spec = without(raw, ...ownFields);
  const whole = {
    apiVersion: grouped,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec,
  };
  const done = migrateObject(whole, notes);
  if (done === whole || !isFields(done["spec"])) return grouped === today && alias.length > 0 ? raw : written;
  const own = Object.entries(raw).filter(([key]) => ownFields.includes(key));
  return fromEntries([
    ...own.map(([key, value]): [string, unknown] => [key, key === "apiVersion" ? today : value]),
    ...Object.entries(done["spec"]),
  ]);
}
