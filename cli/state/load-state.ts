import { exitCodes } from "../output/exit-codes.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { loadBundle } from "./bundle.ts";
import { readCluster } from "./cluster.ts";
import { existing, readPaths } from "./files.ts";
import type { Environment, State, StateFlags } from "./state.ts";

/** `--from` and its companions to a state. Without `--from` it is the cluster's. @throws FatalError with what to write instead */
export async function loadState(flags: StateFlags, env: Environment): Promise<State> {
  const { from = "cluster", context, namespace } = flags;
  if (from === "cluster") return readCluster(flags, env);
  if (context !== undefined || namespace !== undefined)
    throw new FatalError(
      `--context and --namespace are of a cluster; leave them out with --from ${from}`,
      exitCodes.usage,
    );
  if (from === "-") return readPaths([from], env);
  return (await loadBundle(existing(from, env), from)) ?? readPaths([from], env);
}
