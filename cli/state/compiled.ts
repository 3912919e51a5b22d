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
  return stateOf(state, compiled, compiled.problems, nowMs);
}

/** @param problems of the objects */
export function stateOf(
  state: State,
  compiled: Compiled,
  problems: readonly Problem[],
  nowMs = Date.now(),
): CompiledState {
  const snapshot: Snapshot = {
    ...compiled.snapshot,
    endpoint: endpointDiscovery()(compiled.endpoints, state.resources),
  };
  const all = [...state.problems, ...problems, ...expiryProblems(compiled.certificates, nowMs)];
  return { state, compiled, snapshot, problems: all.sort(compareProblems) };
}
