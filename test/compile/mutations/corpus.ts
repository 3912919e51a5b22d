import fs from "node:fs";
import path from "node:path";
import { apiVersionOf, customKinds } from "../../../capabilities/kinds.ts";
import { parseDocuments } from "../../../crds/documents.ts";
import { type JsonSchema, jsonSchemaOf } from "../../../crds/json-schema.ts";
import { moduleConfigSchema } from "../../../crds/module-config.ts";
import { root } from "../../../hack/paths.mjs";
import type { Certificate } from "../../support/certificates.ts";
import { listenerAndHost } from "../../support/gateway.ts";

/** An object as a manifest has it, before anything has read it. */
export interface Raw {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

export interface Case {
  readonly name: string;
  readonly objects: readonly Raw[];
}

/** Everything that the project shows of manifests: goldens, examples, documentation; and each kind's smallest object. */
export function corpus(certificate: Certificate): readonly Case[] {
  return [...goldens(), ...examples(), ...documentation(), smallest()]
    .map((each) => withSecrets(each, certificate))
    .filter(({ objects }) => objects.length > 0);
}

function read(name: string, text: string): Case {
  const { documents } = parseDocuments(text, name);
  return { name, objects: documents.map(({ raw }) => raw).filter(isObject) };
}

function isObject(raw: unknown): raw is Raw {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return false;
  const { kind, metadata } = raw as Partial<Raw>;
  return typeof kind === "string" && typeof metadata?.name === "string";
}

function filesOf(folder: string, ending: string): readonly (readonly [string, string])[] {
  return fs
    .readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => [`${folder}/${name}`, fs.readFileSync(path.join(root, folder, name), "utf8")]);
}

const goldens = () => filesOf("test/golden", ".in.yaml").map(([name, text]) => read(name, text));
const examples = () => filesOf("examples", ".yaml").map(([name, text]) => read(name, text));

/** Manifests of a page stand alone; those that open no port get one. */
function documentation(): readonly Case[] {
  return filesOf("docs", ".md").flatMap(([page, text]) =>
    [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, yaml = ""], index) => {
      const isWhole = yaml.includes("kind: Listener");
      return read(`${page}#${index}`, isWhole ? yaml : `${listenerAndHost(8080)}---\n${yaml}`);
    }),
  );
}

/** What a required field may hold where its schema shows no example. */
const values: Readonly<Record<string, unknown>> = {
  port: 8080,
  service: "http://127.0.0.1:9001",
  auth_service: "http://127.0.0.1:9002",
  prefix: "/smallest/",
  securityModel: "XFP",
  driver: "zipkin",
  config: {},
};

function smallest(): Case {
  const objects = customKinds.map((kind): Raw => {
    const { required = [], properties = {} } = jsonSchemaOf(kind.schema);
    const spec = Object.fromEntries(
      required.map((field) => [field, values[field] ?? properties[field]?.examples?.[0] ?? "x"]),
    );
    if (kind.kind === "Listener") spec["protocol"] = "HTTP";
    const name = kind.kind === "Module" ? "ambassador" : "smallest";
    return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec };
  });
  return { name: "the smallest object of each kind", objects };
}

/** Secrets that a manifest names and does not hold. */
function withSecrets({ name, objects }: Case, { certificatePem, keyPem }: Certificate): Case {
  const there = new Set(objects.filter(({ kind }) => kind === "Secret").map(({ metadata }) => metadata.name));
  const named = [...JSON.stringify(objects).matchAll(/"(?:tlsSecret":\{"name|secret|ca_secret)":"([a-z0-9-]+)"/g)];
  const missing = new Set(named.flatMap(([, secret = ""]) => (there.has(secret) ? [] : [secret])));
  const secrets = [...missing].map((secret): Raw => {
    const stringData = { "tls.crt": certificatePem, "tls.key": keyPem };
    return { apiVersion: "v1", kind: "Secret", metadata: { name: secret }, type: "kubernetes.io/tls", stringData };
  });
  return { name, objects: [...objects, ...secrets] };
}

export interface Field {
  /** From the object's root. */
  readonly path: readonly (string | number)[];
  readonly schema: JsonSchema;
  readonly required: boolean;
}

const byType = new Map(customKinds.map((kind) => [`${apiVersionOf(kind)} ${kind.kind}`, fieldsOfKind(kind)]));

/** Every field of a kind of ours, however deep, with its schema: those of the Module's config for it. Older versions have none. */
export function fieldsOf({ apiVersion, kind }: Pick<Raw, "apiVersion" | "kind">): readonly Field[] {
  return byType.get(`${apiVersion} ${kind}`) ?? [];
}

function fieldsOfKind(kind: (typeof customKinds)[number]): readonly Field[] {
  return kind.kind === "Module"
    ? inside(jsonSchemaOf(moduleConfigSchema), ["spec", "config"])
    : inside(jsonSchemaOf(kind.schema), ["spec"]);
}

function inside(schema: JsonSchema, at: Field["path"]): Field[] {
  const fields: Field[] = [];
  const add = (step: string | number, child: JsonSchema, required: boolean): void => {
    const path = [...at, step];
    fields.push({ path, schema: child, required });
    if (path.length < 8) fields.push(...inside(child, path));
  };
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    add(name, child, schema.required?.includes(name) ?? false);
  if (schema.items !== undefined) add(0, schema.items, false);
  const { additionalProperties: others } = schema;
  if (typeof others === "object" && Object.keys(others).length > 0) add("x-any", others, false);
  // Of several forms, the paths of the first that has some.
  const form = schema.anyOf?.find((one) => inside(one, at).length > 0);
  return form === undefined ? fields : [...fields, ...inside(form, at)];
}
