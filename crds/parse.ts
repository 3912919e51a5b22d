/** The only place where what stands in a cluster or a file becomes a typed, frozen resource. It never throws. */
import type { z } from "zod";
import { apiVersionOf, customKinds, type Kind, kinds } from "../capabilities/kinds.ts";
import { noProblems, type ObjectRef, type Origin, type PathStep, type Problem } from "../ir/problem.ts";
import type { Resource } from "../ir/resource.ts";
import type { AuthServiceSpec } from "./auth-service.ts";
import { authenticationConfigSchema } from "./authentication-module.ts";
import { group as ourGroup, version as ourVersion } from "./common.ts";
import { deepFreeze } from "./freeze.ts";
import { withTlsAliases } from "./host.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";
import { isFutureKind, isOldIngress, isSilent } from "./kubernetes-kinds.ts";
import { type LegacyTls, legacyTlsSchema } from "./legacy-tls.ts";
import { complaintsOf } from "./messages.ts";
import { type Fields, isFields, readMetadata, refOf, refusal } from "./metadata.ts";
import { type ModuleConfig, moduleConfigSchema } from "./module-config.ts";
import { nearest } from "./nearest.ts";
import { withoutNulls } from "./nulls.ts";
import type { AnyResource } from "./resources.ts";
import { unknownField, unknownFields } from "./unknown-fields.ts";
import { defaultLabelsUp } from "./versions/fields.ts";
import { versionedKinds } from "./versions/kinds.ts";
import { isOldVersion, readOlder } from "./versions/read.ts";
import type { Note } from "./versions/step.ts";

export interface Parsed {
  /** Absent for kinds that are not read and objects without a name. With an error among its problems its spec has no more than ambassador_id. */
  readonly resource?: AnyResource;
  /** All of them; the resource holds the same list. */
  readonly problems: readonly Problem[];
}

const kindByType = new Map<string, Kind>(
  kinds.map((kind) => [`${apiVersionOf(kind)} ${"writtenKind" in kind ? kind.writtenKind : kind.kind}`, kind]),
);

const shortNames: Readonly<Record<string, string>> = { string: "a text", number: "a number", boolean: "a boolean" };

export function parseResource(raw: unknown, origin?: Origin): Parsed {
  if (!isFields(raw)) {
    const object = refOf({}, "Namespaced", origin);
    const what = Array.isArray(raw) ? "a list" : (shortNames[typeof raw] ?? "nothing");
    return {
      problems: [refusal(object, [], `${what} is not a Kubernetes object`, "write apiVersion, kind and metadata")],
    };
  }
  const { apiVersion, kind } = raw;
  for (const [field, value] of Object.entries({ apiVersion, kind })) {
    if (typeof value === "string" && value !== "") continue;
    const message = value === undefined ? "is required and missing" : "is not a string";
    const example = field === "kind" ? "Mapping" : "getambassador.io/v3alpha1";
    return {
      problems: [refusal(refOf(raw, "Namespaced", origin), [field], message, `write ${field}: ${example} or another`)],
    };
  }
  const row = kindByType.get(`${String(apiVersion)} ${String(kind)}`);
  if (row !== undefined) return parseKind(row, raw, origin);
  const older = readOlder(raw, origin);
  const current = customKinds.find((each) => each.kind === kind);
  if (older === undefined || current === undefined) return { problems: unread(raw, origin) };
  return parseKind(current, older.object, older.origin, older.notes);
}

function parseKind(row: Kind, raw: Fields, origin: Origin | undefined, notes: readonly Note[] = []): Parsed {
  const object = { ...refOf(raw, row.scope, origin), kind: row.kind };
  const problems: Problem[] = notes.map((note) => ({ severity: "warning", object, ...note }));
  const metadata = readMetadata(raw, object, problems);
  if (metadata === undefined) return { problems };
  const spec = row.source === "crd" ? readSpec(row, raw, object, problems) : readWhole(row, raw, object, problems);
  const usable = !problems.some((problem) => problem.severity === "error");
  const resource: Resource<unknown> = {
    ...object,
    apiVersion: apiVersionOf(row),
    ...metadata,
    spec: usable ? deepFreeze(spec) : whoseItIs(raw),
    problems: problems.length === 0 ? noProblems : Object.freeze(problems),
  };
  // The row's schema yields the spec that Specs has for the row's kind, and nobody reads one beside an error.
  return { resource: Object.freeze(resource) as AnyResource, problems: resource.problems };
}

/** Of a spec with an error only the ids of the gateways that it is for: the others have no business with its problems. */
function whoseItIs({ spec }: Fields): { readonly ambassador_id?: readonly string[] } {
  const ids = isFields(spec) ? spec["ambassador_id"] : undefined;
  const isList = Array.isArray(ids) && ids.every((id) => typeof id === "string");
  return Object.freeze(isList ? { ambassador_id: ids } : {});
}

const topLevel = new Set(["apiVersion", "kind", "metadata", "spec", "status"]);

function readSpec(row: Kind, raw: Fields, object: ObjectRef, problems: Problem[]): unknown {
  for (const key in raw) {
    if (!topLevel.has(key)) warn(object, problems, unknownField(key, [key], row.kind, [...topLevel]));
  }
  const written = row.kind === "Host" ? withTlsAliases(raw["spec"] ?? {}) : (raw["spec"] ?? {});
  const schema = jsonSchemaOf(row.schema);
  const spec = read(row.schema, schema, { value: written, at: ["spec"], quote: true }, object, problems);
  for (const field of unknownFields(schema, written, ["spec"], row.kind)) warn(object, problems, field);
  if (row.kind !== "Module" || !isFields(written)) return spec;
  const config = written["config"];
  const own = isFields(spec) ? spec : {};
  if (object.name === "tls") return { ...own, config: {}, tls: readTls(config, object, problems) };
  if (object.name !== AUTHENTICATION) return { ...own, config: readModule(config, object, problems) };
  return { ...own, config: {}, authentication: readAuthentication(config, object, problems) };
}

function readWhole(row: Kind, raw: Fields, object: ObjectRef, problems: Problem[]): unknown {
  const quote = row.kind !== "Secret";
  return read(row.schema, jsonSchemaOf(row.schema), { value: raw, at: [], quote }, object, problems);
}

interface Written {
  readonly value: unknown;
  readonly at: readonly PathStep[];
  /** Whether messages may show values. */
  readonly quote: boolean;
}

function read<Output>(
  schema: z.ZodType<Output>,
  json: JsonSchema,
  { value, at, quote }: Written,
  object: ObjectRef,
  problems: Problem[],
): Output | undefined {
  const { value: written, left } = withoutNulls(json, value);
  for (const path of left) {
    const message = "null is taken as not written, and the API server refuses it in kubectl apply --server-side";
    const advice = "remove the field, or write a value";
    problems.push({ code: "IgnoredField", severity: "warning", object, path: [...at, ...path], message, advice });
  }
  const result = schema.safeParse(written);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    for (const { path, ...complaint } of complaintsOf(issue, { schema: json, raw: written, quote })) {
      problems.push({ code: "InvalidField", severity: "error", object, path: [...at, ...path], ...complaint });
    }
  }
  return undefined;
}

/** The Module's keys are typed, though its CRD leaves them free; keys without a meaning are told by a warning. */
function readModule(written: unknown, object: ObjectRef, problems: Problem[]): ModuleConfig {
  if (!isFields(written)) return {};
  if (object.name !== "ambassador") {
    problems.push(unreadModule(object));
    return {};
  }
  const at = ["spec", "config"];
  const config = defaultLabelsUp(written);
  const schema = jsonSchemaOf(moduleConfigSchema);
  const closed = { ...schema, additionalProperties: undefined };
  for (const field of unknownFields(closed, config, at, "the ambassador Module")) warn(object, problems, field);
  return read(moduleConfigSchema, schema, { value: config, at, quote: true }, object, problems) ?? {};
}

/** The Module that is an AuthService. */
const AUTHENTICATION = "authentication";

function readAuthentication(config: unknown, object: ObjectRef, problems: Problem[]): AuthServiceSpec | undefined {
  const at = ["spec", "config"];
  const schema = jsonSchemaOf(authenticationConfigSchema);
  const written = { value: config, at, quote: true };
  for (const field of unknownFields(schema, config, at, "the authentication Module")) warn(object, problems, field);
  const parsed = read(authenticationConfigSchema, schema, written, object, problems);
  if (parsed === undefined) return undefined;
  const { allowed_headers: both = [], ...spec } = parsed;
  if (both.length === 0) return spec;
  const { allowed_request_headers: asked = [], allowed_authorization_headers: answered = [] } = spec;
  return {
    ...spec,
    allowed_request_headers: [...asked, ...both],
    allowed_authorization_headers: [...answered, ...both],
  };
}

/** The Module tls is older than TLSContexts, and made into some. */
function readTls(config: unknown, object: ObjectRef, problems: Problem[]): LegacyTls {
  const at = ["spec", "config"];
  const schema = jsonSchemaOf(legacyTlsSchema);
  for (const field of unknownFields(schema, config, at, "the tls Module")) warn(object, problems, field);
  return read(legacyTlsSchema, schema, { value: config ?? {}, at, quote: true }, object, problems) ?? {};
}

function unreadModule(object: ObjectRef): Problem {
  const message = "a Module of this name is not read";
  return { code: "ModuleIgnored", severity: "warning", object, path: [], message, advice: "name it ambassador" };
}

type FieldNote = Pick<Problem, "path" | "message" | "advice" | "fix">;

function warn(object: ObjectRef, problems: Problem[], field: FieldNote): void {
  problems.push({ code: "UnknownField", severity: "warning", object, ...field });
}

/** What to say of an object whose type is not in the table. */
function unread(raw: Fields, origin: Origin | undefined): readonly Problem[] {
  const object = refOf(raw, "Namespaced", origin);
  const apiVersion = String(raw["apiVersion"]);
  const slash = apiVersion.indexOf("/");
  const group = slash === -1 ? "" : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  if (isFutureKind(group, object.kind)) {
    const message = `${object.kind} is not supported yet, so what it asks for does not happen`;
    return [{ code: "NotYetSupported", severity: "error", object, path: ["kind"], message, advice: "remove it" }];
  }
  const ours = customKinds.find(({ kind }) => kind === object.kind);
  if (group === ourGroup && ours !== undefined && isOldVersion(version)) {
    const message = `there is no ${object.kind} in ${apiVersion}`;
    const older = version === "v0" ? asOlder(object.kind) : undefined;
    return [refusal(object, ["apiVersion"], message, older ?? `write it as ${apiVersionOf(ours)}`)];
  }
  if (isSilent(group, object.kind)) return noProblems;
  const message = `${object.kind} of ${apiVersion} is not read`;
  return [
    {
      code: "UnknownKind",
      severity: "warning",
      object,
      path: ["kind"],
      message,
      advice: meant(apiVersion, object.kind),
    },
  ];
}

/** The words of v0 are those of v1, but for rate limits. */
function asOlder(kind: string): string | undefined {
  const [oldest] = versionedKinds.get(kind)?.older ?? [];
  return oldest === undefined
    ? undefined
    : `write it as ${ourGroup}/${oldest}, of which nuncio migrate makes ${ourVersion}; what v0 has as rate_limits are labels there`;
}

function meant(apiVersion: string, kind: string): string {
  const ours = renamed(apiVersion, kind);
  if (ours !== undefined) return `write apiVersion: ${apiVersionOf(ours)} and kind: ${ours.kind}`;
  const sameName = kinds.find((row) => row.kind === kind);
  const version = sameName === undefined ? undefined : apiVersionOf(sameName);
  const isOld = isOldIngress(apiVersion.slice(0, apiVersion.indexOf("/")), kind);
  if (version !== undefined && (isOld || apiVersion.includes(ourGroup))) return `write apiVersion: ${version}`;
  const inGroup = kinds.filter((row) => apiVersionOf(row) === apiVersion).map((row) => row.kind);
  const near = nearest(kind, inGroup);
  if (near !== undefined) return `did you mean ${near}?`;
  const isOurs = customKinds.some((row) => row.kind === kind) && version !== undefined;
  return isOurs ? `if it is meant for the gateway, write apiVersion: ${version}` : "it is skipped";
}

/** The preview of Emissary 2 had a group and names of its own: AmbassadorMapping of x.getambassador.io. */
function renamed(apiVersion: string, kind: string): Kind | undefined {
  if (!apiVersion.startsWith(`x.${ourGroup}/`)) return undefined;
  return customKinds.find((row) => kind === `Ambassador${row.kind}`);
}
