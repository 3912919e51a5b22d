import { type Compiled, createCompiler } from "../../compile/compile.ts";
import { judge, type Judged } from "../../compile/last-good.ts";
import { fields } from "../../compile/store.ts";
import type { AnyResource, Resources } from "../../crds/resources.ts";
import { type Named, type ObjectChange, overlay } from "../../insight/plan/overlay.ts";
import { type Plan, planOf } from "../../insight/plan/plan.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { paintFor } from "../output/colour.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { type OutputFormat, structured } from "../output/format.ts";
import { readPaths } from "../state/files.ts";
import { loadState } from "../state/load-state.ts";
import { inForceOf, refusalsOf, unseenNote } from "../state/served.ts";
import type { Environment, State, StateFlags } from "../state/state.ts";
import { planData } from "./data.ts";
import { planText } from "./text.ts";

export interface PlanFlags extends StateFlags {
  readonly prune?: boolean;
  readonly delete: readonly string[];
  readonly requests: string;
}

interface Terminal {
  readonly env: Environment;
  readonly stdout: { readonly isTTY?: boolean };
  readonly print: (text: string) => void;
  /** A line that is no part of the answer. */
  readonly note: (line: string) => void;
}

/** All that `nuncio plan` knows, in whatever form it is printed. */
export interface Told {
  /** What is looked at, for people. */
  readonly from: string;
  readonly objects: readonly ObjectChange[];
  readonly plan: Plan;
  /** Problems that the change adds, those of files and documents among them. */
  readonly problems: readonly Problem[];
  /** Objects that serve in their last good form before the change. */
  readonly lastGood: readonly ObjectRef[];
}

/** `nuncio plan`. @returns the exit code: 1 when the change adds problems, or has effects of severity warning */
export async function plan(
  paths: readonly string[],
  flags: PlanFlags & { readonly output: OutputFormat },
  { env, stdout, print, note }: Terminal,
): Promise<number> {
  const deleted = flags.delete.map(namedOf);
  const limit = limitOf(flags.requests);
  if (paths.length === 0 && deleted.length === 0)
    throw usage("name the manifests that are to be applied, or objects that are to go with --delete");
  if (paths.length === 0 && flags.prune === true)
    throw usage("--prune takes away all that is not among the manifests; name them too");
  const state = await loadState(flags, env);
  const candidates = readPaths(paths, env);
  const { resources, changes } = overlay(state.resources, candidates.resources, {
    prune: flags.prune === true,
    deleted,
  });
  for (const each of deleted)
    if (!changes.some((change) => isRemoved(change, each)))
      throw usage(`--delete ${each.kind}/${each.namespace}/${each.name}: there is no such object in ${state.from}`);
  const [before, after] = judgedAlike(state, resources);
  const changed = changes.map(({ object }) => object);
  const removed = changes.filter(({ kind }) => kind === "removed").map(({ object }) => object);
  const made = planOf(before, after, { changed, removed, limit });
  const problems = [...candidates.problems, ...made.problems.added];
  const told: Told = { from: state.from, objects: changes, plan: made, problems, lastGood: lastGoodOf(before) };
  const unseen = unseenNote(state);
  if (unseen !== undefined) note(unseen);
  print(flags.output === "table" ? planText(told, paintFor(stdout, env)) : structured(planData(told), flags.output));
  return isClean(told) ? exitCodes.ok : exitCodes.findings;
}

type Side = Compiled & Pick<Judged, "quarantined">;

/**
 * What is there and what would be, each with the last good forms that are kept of what is there: an object that is bad before
 * and after serves as it did. One that turns bad is taken for gone, as it is to a gateway that starts anew.
 */
function judgedAlike(state: State, resources: Resources): readonly [before: Side, after: Side] {
  const compile = createCompiler();
  const sideOf = (of: Resources): Side => {
    const { compiled, problems, quarantined } = judge(compile, of, state.settings, inForceOf(state), refusalsOf(state));
    return { ...compiled, problems, quarantined };
  };
  return [sideOf(state.resources), sideOf(resources)];
}

function lastGoodOf({ quarantined }: Side): readonly ObjectRef[] {
  return quarantined.flatMap(({ object, serving }) => (serving === undefined || serving === object ? [] : [object]));
}

function isClean({ plan: { findings }, problems }: Told): boolean {
  return problems.length === 0 && !findings.some(({ severity }) => severity === "warning");
}

function isRemoved({ kind, object }: ObjectChange, named: Named): boolean {
  return kind === "removed" && (["kind", "namespace", "name"] as const).every((key) => object[key] === named[key]);
}

function namedOf(text: string): Named {
  const [written = "", namespace = "", name = "", ...rest] = text.split("/");
  const kinds = Object.keys(fields) as AnyResource["kind"][];
  const kind = kinds.find((each) => each.toLowerCase() === written.toLowerCase());
  if (kind === undefined || namespace === "" || name === "" || rest.length > 0)
    throw usage(`--delete ${text}: write KIND/NAMESPACE/NAME, for example Mapping/default/quote`);
  return { kind, namespace, name };
}

function limitOf(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw usage(`--requests ${text}: write a whole number`);
}

function usage(message: string): FatalError {
  return new FatalError(message, exitCodes.usage);
}
