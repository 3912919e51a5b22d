import { createCompiler } from "../../compile/compile.ts";
import { fields } from "../../compile/store.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { type Named, type ObjectChange, overlay } from "../../insight/plan/overlay.ts";
import { type Plan, planOf } from "../../insight/plan/plan.ts";
import type { Problem } from "../../ir/problem.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { paintFor } from "../output/colour.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { type OutputFormat, structured } from "../output/format.ts";
import { readPaths } from "../state/files.ts";
import { loadState } from "../state/load-state.ts";
import type { Environment, StateFlags } from "../state/state.ts";
import { planData } from "./data.ts";
import { planText } from "./text.ts";

export interface PlanFlags extends StateFlags {
  readonly prune: boolean;
  readonly delete: readonly string[];
  readonly requests: string;
}

interface Terminal {
  readonly env: Environment;
  readonly stdout: { readonly isTTY?: boolean };
  readonly print: (text: string) => void;
}

/** All that `nuncio plan` knows, in whatever form it is printed. */
export interface Told {
  /** What is looked at, for people. */
  readonly from: string;
  readonly objects: readonly ObjectChange[];
  readonly plan: Plan;
  /** Problems that the change adds, those of files and documents among them. */
  readonly problems: readonly Problem[];
}

/** `nuncio plan`. @returns the exit code: 1 when the change adds problems, or has effects of severity warning */
export async function plan(
  paths: readonly string[],
  flags: PlanFlags & { readonly output: OutputFormat },
  { env, stdout, print }: Terminal,
): Promise<number> {
  const deleted = flags.delete.map(namedOf);
  const limit = limitOf(flags.requests);
  if (paths.length === 0 && deleted.length === 0)
    throw usage("name the manifests that are to be applied, or objects that are to go with --delete");
  if (paths.length === 0 && flags.prune)
    throw usage("--prune takes away all that is not among the manifests; name them too");
  const state = await loadState(flags, env);
  const candidates = readPaths(paths, env);
  const { resources, changes } = overlay(state.resources, candidates.resources, { prune: flags.prune, deleted });
  for (const each of deleted)
    if (!changes.some((change) => isRemoved(change, each)))
      throw usage(`--delete ${each.kind}/${each.namespace}/${each.name}: there is no such object in ${state.from}`);
  const compile = createCompiler();
  const before = compile(state.resources, state.settings);
  const after = compile(resources, state.settings);
  const changed = changes.map(({ object }) => object);
  const removed = changes.filter(({ kind }) => kind === "removed").map(({ object }) => object);
  const made = planOf(before, after, { changed, removed, limit });
  const problems = [...candidates.problems, ...made.problems.added];
  const told: Told = { from: state.from, objects: changes, plan: made, problems };
  print(flags.output === "table" ? planText(told, paintFor(stdout, env)) : structured(planData(told), flags.output));
  return isClean(told) ? exitCodes.ok : exitCodes.findings;
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
