import { exitCodes } from "../output/exit-codes.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { bundleState } from "./bundle.ts";
import { readPaths } from "./files.ts";
import { type Source, sourceOf } from "./source.ts";
import type { Environment, State, StateFlags } from "./state.ts";

/** `--from` and its companions to a state. Without `--from` it is the cluster's. @throws FatalError with what to write instead */
export async function loadState(flags: StateFlags, env: Environment): Promise<State> {
  const { from, namespace } = flags;
  const source = sourceOf(flags, env);
  if (source.kind === "cluster") return (await import("./cluster.ts")).readCluster(flags, env);
  if (namespace !== undefined)
    throw new FatalError(`--namespace is of a cluster; leave it out with --from ${from}`, exitCodes.usage);
  return stateOfSource(source, env);
}

/** What needs no cluster. */
export async function stateOfSource(source: Exclude<Source, { kind: "cluster" }>, env: Environment): Promise<State> {
  return source.kind === "bundle" ? bundleState(source.bundle, source.path) : readPaths([source.path], env);
}
