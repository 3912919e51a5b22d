import { readCluster } from "./cluster.ts";
import { readPaths } from "./files.ts";
import type { Environment, State, StateFlags } from "./state.ts";

/** `--from` and its companions to a state. Without `--from` it is the cluster's. @throws FatalError with what to write instead */
export function loadState(flags: StateFlags, env: Environment): Promise<State> {
  const { from = "cluster" } = flags;
  return from === "cluster" ? readCluster(flags, env) : Promise.resolve().then(() => readPaths([from], env));
}
