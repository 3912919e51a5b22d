import { type Compiled, createCompiler } from "../../compile/compile.ts";
import { expiryProblems } from "../../compile/expiry.ts";
import { judge, type Judged } from "../../compile/last-good.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import { compareProblems, type Problem } from "../../ir/problem.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import { inForceOf, refusalsOf } from "./served.ts";
import type { State } from "./state.ts";

export interface CompiledState {
  readonly state: State;
  /** With last good forms in the place of objects in quarantine, where they are known. */
  readonly compiled: Compiled;
  readonly snapshot: Snapshot;
  /** Of files, documents, objects and the whole, sorted. */
  readonly problems: readonly Problem[];
  /** Objects that are not in force as they are asked for. */
  readonly quarantined: Judged["quarantined"];
}

/**
 * Compiles a state as the gateway does.
 * @param nowMs milliseconds since 1970, by which certificates are judged
 */
export function compileState(state: State, nowMs = Date.now()): CompiledState {
  const { resources, settings } = state;
  return stateOf(state, judge(createCompiler(), resources, settings, inForceOf(state), refusalsOf(state)), nowMs);
}

export function stateOf(state: State, judged: Judged, nowMs = Date.now()): CompiledState {
  const { compiled, problems, quarantined } = judged;
  const snapshot: Snapshot = {
    ...compiled.snapshot,
    endpoint: endpointDiscovery()(compiled.endpoints, state.resources),
  };
  const all = [...state.problems, ...problems, ...expiryProblems(compiled.certificates, nowMs)];
  return { state, compiled, snapshot, problems: all.sort(compareProblems), quarantined };
}
