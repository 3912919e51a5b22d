import { compileState, type CompiledState } from "./state/compiled.ts";
import { readPaths } from "./state/files.ts";
import type { Environment } from "./state/state.ts";

/** Reads and compiles manifests without a cluster: the same functions that the gateway calls. */
export function load(paths: readonly string[], env: Environment, nowMs = Date.now()): CompiledState {
  return compileState(readPaths(paths, env), nowMs);
}
