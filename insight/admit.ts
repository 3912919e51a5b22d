/** What the admission webhook answers: the whole state compiled with the candidate in its place, and the candidate's own errors. */
import { createChecker, type SteppedCompiler } from "../compile/compile.ts";
import type { Judged } from "../compile/last-good.ts";
import { findResource, withoutResource, withResource } from "../compile/store.ts";
import { type FreeJudge, freeJudge, usesBy } from "../compile/verdicts.ts";
import { group } from "../crds/common.ts";
import { type Fields, isFields } from "../crds/metadata.ts";
import { isForGateway } from "../crds/ambassador-id.ts";
import { parseResource } from "../crds/parse.ts";
import type { AnyResource, Resources } from "../crds/resources.ts";
import { accepted, type FreeUse } from "../ir/free-content.ts";
import { sameElements } from "../ir/memo.ts";
import {
  compareProblems,
  formatObject,
  formatProblem,
  type ObjectRef,
  type Problem,
  type ProblemCode,
  toldOf,
} from "../ir/problem.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { annotatedBy, annotationName } from "../sources/annotations/annotations.ts";
import type { UnderReview } from "./plan/findings.ts";
import { effectsOf } from "./plan/plan.ts";
import { warningsOf } from "./plan/warnings.ts";

/** Objects as Kubernetes has them, unparsed. */
export type Change =
  | { readonly kind: "create"; readonly object: unknown }
  | { readonly kind: "update"; readonly object: unknown; readonly before: unknown }
  | { readonly kind: "delete"; readonly object: unknown };

export interface Verdict {
  readonly allowed: boolean;
  /** Why not: the candidate's errors in the words of `nuncio check`, one a line. Empty when allowed. */
  readonly message: string;
  readonly warnings: readonly string[];
  /** The denial rests on other objects too, of which we may know a moment later than the API server. */
  readonly mayPass: boolean;
  /** What of the candidate only Envoy can judge, and has not been asked about: with its answers the verdict may be another. */
  readonly unjudged?: readonly FreeUse[] | undefined;
}

const approved: Verdict = Object.freeze({ allowed: true, message: "", warnings: [], mayPass: false });

/** Errors between objects: without the other object there would be none. */
const conflicts: ReadonlySet<ProblemCode> = new Set([
  ...(["PortConflict", "HostConflict", "WeightSum", "GroupConflict"] as const),
  ...(["ServiceConflict", "DuplicateObject"] as const),
]);
const references: ReadonlySet<ProblemCode> = new Set(["ResolverNotFound", "TlsContextNotFound", "InvalidSecret"]);

/** Certificates are made for a Host that is there already (cert-manager, ACME), so a Host may come before its Secret, and a Mapping before that of its TLSContext. */
const awaited: ReadonlySet<ProblemCode> = new Set(["SecretNotFound", "TlsContextNotReady"]);

/** Says which controller an Ingress is for. */
const classAnnotation = "kubernetes.io/ingress.class";

/** Later than any creationTimestamp: who comes last loses a conflict. */
const LATEST = "9999-12-31T23:59:59Z";

/** Of what a deletion breaks, so many are named. */
const MOST_NAMED = 5;

/** Requests that are tried for the effects of one change: an answer is due in milliseconds. */
const MOST_REQUESTS = 24;

/** What a candidate has changed is made again for the next one, and no longer the same as in the state: after so many it is compiled again. */
const MOST_USES = 32;

interface Tried {
  /** undefined: our own code failed. */
  readonly judged: Judged | undefined;
  /** The candidate's own. */
  readonly problems: readonly Problem[];
}

/** Judges changes one after the other with a compiler of its own, which remembers what the last candidate had in common with the next. */
export function createAdmit(
  newCompiler: () => SteppedCompiler = createChecker,
  judge: FreeJudge = freeJudge(() => accepted),
): (change: Change, resources: Resources, settings: CompileSettings) => Verdict {
  let compiler = newCompiler();
  let unjudged: readonly FreeUse[] = [];

  /** @returns the error where our own code fails */
  function compile(resources: Resources, settings: CompileSettings, candidate?: AnyResource): Judged | Error {
    try {
      const { judged, ...open } = judge(compiler, resources, settings, undefined);
      if (candidate !== undefined && open.unjudged.length > 0)
        unjudged = usesBy(candidate, open.unjudged, judged.compiled);
      return judged;
    } catch (error) {
      compiler = newCompiler(); // what it remembers may be half done
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  let standing: { readonly deps: readonly unknown[]; readonly judged: Judged; uses: number } | undefined;

  /** The state as it stands, compiled once for many changes that are judged against it. */
  function compileStanding(resources: Resources, settings: CompileSettings): Judged | Error {
    const deps = [compiler, resources, settings];
    if (standing !== undefined && standing.uses++ < MOST_USES && sameElements(standing.deps, deps))
      return standing.judged;
    const judged = compile(resources, settings);
    if (!(judged instanceof Error)) standing = { deps, judged, uses: 0 };
    return judged;
  }

  function compileWith(candidate: AnyResource, resources: Resources, settings: CompileSettings): Tried {
    const judged = compile(withResource(resources, candidate), settings, candidate);
    if (!(judged instanceof Error))
      return { judged, problems: judged.problems.filter(({ object }) => isSame(object, candidate)) };
    // A failure that was there before is no reason to refuse this object.
    if (compile(resources, settings) instanceof Error) return { judged: undefined, problems: [] };
    return { judged: undefined, problems: [ourFault(candidate, judged)] };
  }

  function judgeChange(
    change: Exclude<Change, { kind: "delete" }>,
    resources: Resources,
    settings: CompileSettings,
  ): Verdict {
    const { resource, problems } = parseResource(change.object);
    if (resource === undefined || problems.some(isError)) return verdictOf(problems);
    const isModuleUpdate = resource.kind === "Module" && change.kind === "update"; // the oldest of several rules: no conflict
    const candidate = isModuleUpdate ? resource : latest(resource);
    // Before the candidate's turn, so that the two differ in the candidate alone.
    const before = compileStanding(resources, settings);
    const tried = compileWith(candidate, resources, settings);
    const found = [...new Set([...problems, ...tried.problems])].sort(compareProblems);
    const errors = found.filter(denies);
    const review = { changed: [resource], removed: [] };
    if (errors.length === 0) return withEffects(verdictOf(found), before, tried.judged, review);
    if (change.kind === "create" || !errors.every(({ code }) => conflicts.has(code))) return verdictOf(found);
    // An older object wins a conflict that others brought on: it must not be locked by it.
    const stored = findResource(resources, resource);
    const earlier =
      stored === undefined ? [] : compileWith(latest(stored), resources, settings).problems.filter(denies);
    const now = compileWith(resource, resources, settings);
    const isOld = earlier.map(formatProblem).join() === errors.map(formatProblem).join();
    if (!isOld || now.problems.some(denies)) return verdictOf(found);
    return withEffects(verdictOf(now.problems), before, now.judged, review);
  }

  function judgeDeletion(object: unknown, resources: Resources, settings: CompileSettings): Verdict {
    const { resource } = parseResource(object);
    if (resource === undefined) return approved;
    const before = compileStanding(resources, settings);
    const after = compile(withoutResource(resources, resource), settings);
    if (before instanceof Error || after instanceof Error) return approved;
    const known = new Set(before.problems.filter(isError).map(formatProblem));
    const broken = after.problems
      .filter(isError)
      .map(formatProblem)
      .filter((text) => !known.has(text));
    const more = broken.length > MOST_NAMED ? [`... and ${broken.length - MOST_NAMED} more errors`] : [];
    const verdict = { ...approved, warnings: [...broken.slice(0, MOST_NAMED), ...more] };
    return withEffects(verdict, before, after, { changed: [resource], removed: [resource] });
  }

  return (change, resources, settings) => {
    if (!isJudged(change, settings.ambassadorId)) return approved;
    if (change.kind === "delete") return judgeDeletion(change.object, resources, settings);
    unjudged = [];
    const found = judgeChange(change, resources, settings);
    const verdict = unjudged.length === 0 ? found : { ...found, unjudged };
    return change.kind === "update" && readsTheSame(change.object, change.before) ? asWarnings(verdict) : verdict;
  };
}

/**
 * Judges by the candidate's own fields alone, where the state is not known.
 * @param because told in a warning
 */
export function admitBySchema(change: Change, ambassadorId: string, because: string): Verdict {
  if (change.kind === "delete" || !isJudged(change, ambassadorId)) return approved;
  const { resource, problems } = parseResource(change.object);
  const verdict = verdictOf([...problems, ...annotationProblems(resource, ambassadorId)]);
  const judged = change.kind === "update" && readsTheSame(change.object, change.before) ? asWarnings(verdict) : verdict;
  if (!judged.allowed || resource === undefined) return judged;
  const { kind, namespace, name } = resource;
  const caution = `${kind} ${namespace}/${name}: judged by its own fields alone: ${because}; problems with other objects stand in the gateway's log`;
  return { ...judged, warnings: [...judged.warnings, caution] };
}

/**
 * What rests on other objects denies nothing while those may be others by now: the gateway judges again.
 * @param because told in a warning
 */
export function inDoubt({ object }: Change, verdict: Verdict, because: string): Verdict {
  const { resource } = parseResource(object);
  if (verdict.allowed || resource === undefined) return verdict;
  const told = asWarnings(verdict);
  const caution = `${formatObject(resource)}: not refused, because the state of the cluster may be another by now: ${because}`;
  return { ...told, warnings: [...told.warnings, caution] };
}

/** What is wrong with the objects in an annotation by their own fields alone. */
function annotationProblems(resource: AnyResource | undefined, ambassadorId: string): readonly Problem[] {
  if (resource?.kind !== "Service" && resource?.kind !== "Ingress") return [];
  const { objects = [], unread = [] } = annotatedBy(resource) ?? {};
  const ours = objects.filter(({ spec }) =>
    isForGateway("ambassador_id" in spec ? spec.ambassador_id : undefined, ambassadorId),
  );
  return [
    ...unread.filter(({ ids }) => isForGateway(ids, ambassadorId)).map(({ problem }) => problem),
    ...ours.flatMap(({ problems }) => problems.map(toldOf)),
  ];
}

function verdictOf(problems: readonly Problem[]): Verdict {
  const errors = problems.filter(denies);
  const warnings = problems.filter((problem) => !denies(problem)).map(formatProblem);
  if (errors.length === 0) return { ...approved, warnings };
  const mayPass = errors.every(({ code }) => conflicts.has(code) || references.has(code));
  return { allowed: false, message: errors.map(formatProblem).join("\n"), warnings, mayPass };
}

/** With what an accepted change does to others. */
function withEffects(
  verdict: Verdict,
  before: Judged | Error,
  after: Judged | Error | undefined,
  review: UnderReview,
): Verdict {
  if (before instanceof Error || after instanceof Error || after === undefined) return verdict;
  let told: readonly string[];
  try {
    told = warningsOf(effectsOf(before.compiled, after.compiled, { ...review, limit: MOST_REQUESTS }).findings);
  } catch (error) {
    // No reason to hold up a change that is good.
    told = [`its effects could not be told (${String(error)}); this is a fault of Nuncio: report it with this object`];
  }
  return { ...verdict, warnings: [...verdict.warnings, ...told] };
}

/** A denial that would prevent nothing, told all the same. */
function asWarnings(verdict: Verdict): Verdict {
  if (verdict.allowed) return verdict;
  return { ...approved, warnings: [...verdict.message.split("\n"), ...verdict.warnings] };
}

function isError({ severity }: Problem): boolean {
  return severity === "error";
}

function denies(problem: Problem): boolean {
  return isError(problem) && !awaited.has(problem.code);
}

function isSame(a: ObjectRef, b: ObjectRef): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.kind === b.kind;
}

function latest(resource: AnyResource): AnyResource {
  return Object.freeze({ ...resource, creationTimestamp: LATEST });
}

function ourFault(object: ObjectRef, error: Error): Problem {
  return {
    code: "InternalError",
    severity: "error",
    object,
    path: [],
    message: `it makes the compiler fail (${error.name}: ${error.message})`,
    advice: "this is a fault of Nuncio: report it with this object, and try without the fields that you wrote last",
  };
}

/**
 * Not judged: objects for gateways with another ambassador_id, which may be read by another version or by Emissary, and
 * objects on their way out, which must be able to lose their finalizers. Of Kubernetes' own kinds the compiler knows whose they are.
 */
function isJudged({ object }: Change, ambassadorId: string): boolean {
  if (!isFields(object)) return true;
  if (typeof part(object, "metadata")["deletionTimestamp"] === "string") return false;
  if (!isOurKind(object)) return true;
  const written = part(object, "spec")["ambassador_id"] ?? [];
  return isForGateway(Array.isArray(written) ? written : [written], ambassadorId);
}

function isOurKind({ apiVersion }: Fields): boolean {
  return typeof apiVersion === "string" && apiVersion.startsWith(`${group}/`);
}

function part(object: Fields, name: string): Fields {
  const value = object[name];
  return isFields(value) ? value : {};
}

/** Nothing that compile reads has changed, so that what stands stands with or without a denial. */
function readsTheSame(object: unknown, before: unknown): boolean {
  return isFields(object) && isFields(before) && readText(object) === readText(before);
}

/**
 * Of annotations only our own are read. The API server writes maps in the order of their keys. Of a Service what stands in
 * its annotation: others who change the Service are not to be hindered by that.
 */
function readText(object: Fields): string {
  const { labels, annotations: written } = part(object, "metadata");
  const annotations = isFields(written) ? written : {};
  if (object["kind"] === "Service") return JSON.stringify(annotations[annotationName]);
  const read = Object.entries(annotations).filter(([key]) => key.startsWith(`${group}/`) || key === classAnnotation);
  return JSON.stringify([object["apiVersion"], object["spec"] ?? {}, labels ?? {}, read]);
}
