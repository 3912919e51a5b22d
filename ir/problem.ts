/** What is wrong with an object, as data: the same text goes to `nuncio check`, admission denials, logs, status and goldens. */
import type { FreeContent } from "./free-content.ts";

/** Where a manifest came from. Absent for objects read from a Kubernetes API server. */
export interface Origin {
  readonly file: string;
  /** 1-based line at which the object's document starts. */
  readonly line: number;
  /** 1-based line of a field, by its path (`["spec", "retry_policy"]`), or of its nearest parent that is written in the file. */
  lineOf(path: readonly PathStep[]): number;
  /** Of an object that was written in another version of its kind. */
  readonly written?: Written | undefined;
}

export interface Written {
  /** `v2` */
  readonly version: string;
  /** Where a field stands under that version's names. */
  path(path: readonly PathStep[]): readonly PathStep[];
}

export type PathStep = string | number;

export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly origin?: Origin | undefined;
  /** Where it is written, when it is no object of its own in the cluster. */
  readonly within?: Within | undefined;
}

/** Another object that holds this one: a Service by an annotation, or an Ingress of which it is made. */
export interface Within {
  readonly object: ObjectRef;
  /** Sorts objects of one name that are of the same age. */
  readonly place: string;
  /** What is wrong with the object inside, in the words of the one that people wrote. */
  tell(problem: Problem): Pick<Problem, "path" | "message" | "advice">;
}

/** error: the object (or the named part of it) is not used. warning: it is used, but not as its author may think. */
export type Severity = "error" | "warning";

export interface Problem {
  /** Stable upper-camel-case code such as `InvalidField`; one page each under docs/codes. */
  readonly code: ProblemCode;
  readonly severity: Severity;
  readonly object: ObjectRef;
  /** Field path from the object's root, e.g. `["spec", "retry_policy", "retry_on"]`; empty for the object as a whole. */
  readonly path: readonly PathStep[];
  /** What is wrong, starting with the offending value where there is one. */
  readonly message: string;
  /** What to write instead. */
  readonly advice: string;
  /** What is certain to mend it, by the object's own fields; undefined: a person must decide. */
  readonly fix?: Fix | undefined;
  /** The objects that are not used, where `object` is the one that they are written in. */
  readonly inner?: readonly ObjectRef[] | undefined;
  /** Present while it is none: it would be, as an error, if Envoy refused this. The compile tells such apart: see `Compiled.freeUses`. */
  readonly asks?: FreeContent | undefined;
}

/** Of the field at the problem's path. */
export type Fix = { readonly kind: "rename"; readonly to: string } | { readonly kind: "set"; readonly value: unknown };

/** The problem as it is told: of an object that stands within another one, by that one and its field. */
export function toldOf(problem: Problem): Problem {
  const { within } = problem.object;
  return within === undefined
    ? problem
    : { ...problem, ...within.tell(problem), object: within.object, fix: undefined, inner: [problem.object] };
}

/** The objects that cannot be used for the problem. */
export function subjectsOf({ object, inner }: Problem): readonly ObjectRef[] {
  return inner ?? [object];
}

export const problemCodes = [
  "InvalidYaml",
  "InvalidObject",
  "InvalidField",
  "UnknownField",
  "UnknownKind",
  "NotYetSupported",
  "DuplicateObject",
  "InvalidRegex",
  "InvalidService",
  "ServiceNotFound",
  "ResolverNotFound",
  "ConsulUnavailable",
  "TlsContextNotFound",
  "TlsContextNotReady",
  "SecretNotFound",
  "InvalidSecret",
  "CertificateExpired",
  "PortConflict",
  "WeightSum",
  "GroupConflict",
  "HostConflict",
  "ServiceConflict",
  "NoHost",
  "NotAttached",
  "ModuleIgnored",
  "IgnoredField",
  "FileUnreadable",
  "EnvoyRejected",
  "InternalError",
] as const;
export type ProblemCode = (typeof problemCodes)[number];

/** A value with what was noticed while making it. */
export interface Result<T> {
  readonly value: T;
  readonly problems: readonly Problem[];
}

export const noProblems: readonly Problem[] = [];

/** `spec.hosts[0]."x-y"`: dotted, array indexes in brackets, anything unusual quoted. */
export function formatPath(path: readonly PathStep[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** `Mapping default/quote`, or `File quote.yaml` for what has no namespace. */
export function formatObject({ kind, namespace, name }: Pick<ObjectRef, "kind" | "namespace" | "name">): string {
  if (namespace === "") return `${kind} ${name}`;
  return `${kind} ${namespace}/${name === "" ? "(no name)" : name}`;
}

/** The object, its version where that is an old one, and the field as its author knows it: `Mapping default/quote (v2): spec.host: `. */
export function formatPlace({ object, path }: Pick<Problem, "object" | "path">): string {
  const { written } = object.origin ?? {};
  const version = written === undefined ? "" : ` (${written.version})`;
  return `${formatObject(object)}${version}: ${formatField({ object, path })}`;
}

/** The field as its author knows it: `spec.host: `; empty for the object as a whole. */
function formatField(place: Pick<Problem, "object" | "path">): string {
  const field = writtenPath(place);
  return field.length === 0 ? "" : `${formatPath(field)}: `;
}

export function writtenPath({ object, path }: Pick<Problem, "object" | "path">): readonly PathStep[] {
  return object.origin?.written?.path(path) ?? path;
}

/** One line without a file position: `Mapping default/quote: spec.prefix: "x" must start with /; write "/x"`. */
export function formatProblem(problem: Problem): string {
  return `${formatPlace(problem)}${problem.message}; ${problem.advice}`;
}

/** The same where the object is named beside it. */
export function formatComplaint(problem: Pick<Problem, "object" | "path" | "message" | "advice">): string {
  return `${formatField(problem)}${problem.message}; ${problem.advice}`;
}

const bySeverity: Record<Severity, number> = { error: 0, warning: 1 };

/** A total order that does not depend on input order: object, severity, path, code, message. */
export function compareProblems(a: Problem, b: Problem): number {
  return (
    compareText(a.object.kind, b.object.kind) ||
    compareText(a.object.namespace, b.object.namespace) ||
    compareText(a.object.name, b.object.name) ||
    bySeverity[a.severity] - bySeverity[b.severity] ||
    compareText(formatPath(a.path), formatPath(b.path)) ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  );
}

/** Byte-like comparison; `localeCompare` depends on the machine's locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
