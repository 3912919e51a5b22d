import { type Paint, plain } from "./output/colour.ts";
import { exitCodes } from "./output/exit-codes.ts";
import { version } from "./assets.ts";
import type { CompiledState } from "./state/compiled.ts";
import { load } from "./load.ts";
import type { Environment } from "./state/state.ts";
import { writeJunit } from "./check/junit.ts";
import { type ReportWriter, reportOf } from "./check/report.ts";
import { writeSarif } from "./check/sarif.ts";
import { writeGithub, writeJson, writeText } from "./check/text.ts";

const writers = {
  text: writeText,
  json: writeJson,
  sarif: writeSarif,
  junit: writeJunit,
  github: writeGithub,
} as const satisfies Readonly<Record<string, ReportWriter>>;

export type CheckFormat = keyof typeof writers;
export const checkFormats = Object.keys(writers) as readonly CheckFormat[];

export interface CheckOptions {
  readonly output: CheckFormat;
  readonly errorsOnly: boolean;
  /** Warnings are told as errors. */
  readonly strict?: boolean;
}

/** `nuncio check` of manifests: prints what the gateway would say of them. @returns the exit code */
export function check(
  paths: readonly string[],
  options: CheckOptions,
  env: Environment,
  print: (line: string) => void,
): number {
  return checkState(load(paths, env), options, print);
}

/** The same of any state. */
export function checkState(
  compiled: CompiledState,
  { output, errorsOnly, strict = false }: CheckOptions,
  print: (line: string) => void,
  paint: Paint = plain,
): number {
  const report = reportOf(compiled, { errorsOnly, strict });
  for (const line of writers[output](report, { version, paint })) print(line);
  return report.problems.length === 0 ? exitCodes.ok : exitCodes.findings;
}
