import { compile, type Compiled } from "../../compile/compile.ts";
import { expiryProblems } from "../../compile/expiry.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import { compareProblems, type Problem } from "../../ir/problem.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import type { State } from "./state.ts";

export interface CompiledState {
  readonly state: State;
  readonly compiled: Compiled;
  readonly snapshot: Snapshot;
  /** Of files, documents, objects and the whole, sorted. */
  readonly problems: readonly Problem[];
}

/**
 * Compiles a state as the gateway does.
 * @param nowMs milliseconds since 1970, by which certificates are judged
 */
export function compileState(state: State, nowMs = Date.now()): CompiledState {
  const compiled = compile(state.resources, state.settings);
  const snapshot: Snapshot = {
    ...compiled.snapshot,
    endpoint: endpointDiscovery()(compiled.endpoints, state.resources),
  };
  const found = [...state.problems, ...compiled.problems];
  const problems = [...found, ...expiryProblems(compiled.certificates, nowMs)].sort(compareProblems);
  return { state, compiled, snapshot, problems };
}
