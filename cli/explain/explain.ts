import { explain as explainRequest } from "../../insight/explain.ts";
import { explanationText } from "./text.ts";
import type { Paint } from "../output/colour.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { type OutputFormat, structured } from "../output/format.ts";
import { readRequest, type RequestFlags } from "./request.ts";
import { compileState } from "../state/compiled.ts";
import { loadState } from "../state/load-state.ts";
import { unseenNote } from "../state/served.ts";
import type { Environment, StateFlags } from "../state/state.ts";

export type ExplainFlags = RequestFlags &
  StateFlags & {
    readonly output: OutputFormat;
    /** Every route that is not taken is told. */
    readonly all?: boolean;
  };

export interface Surroundings {
  readonly env: Environment;
  readonly paint: Paint;
  /** Milliseconds since 1970, for what is left of certificates. */
  readonly nowMs: number;
  out(text: string): void;
  /** A line that is no part of the answer. */
  note(line: string): void;
}

/** `nuncio explain`. @returns the exit code: 0 a route is taken, 1 none is */
export async function explain(
  method: string,
  url: string,
  flags: ExplainFlags,
  { env, paint, nowMs, out, note }: Surroundings,
): Promise<number> {
  const request = readRequest(method, url, flags);
  const state = await loadState(flags, env);
  const { compiled, ...quarantine } = compileState(state, nowMs);
  const explanation = explainRequest(compiled, request, {
    ...(flags.all === true ? { rivals: Infinity } : {}),
    quarantine,
  });
  const unseen = unseenNote(state);
  if (unseen !== undefined) note(unseen);
  out(
    flags.output === "table" ? explanationText(explanation, { paint, nowMs }) : structured(explanation, flags.output),
  );
  const { kind } = explanation.answer;
  return kind === "refused" || kind === "closed" ? exitCodes.findings : exitCodes.ok;
}
