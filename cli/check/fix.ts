import { mend } from "../../crds/versions/mend.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { findingLine, type Output, write } from "../migrate.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { givenFiles } from "../state/files.ts";
import type { Environment } from "../state/state.ts";
import { unifiedDiff } from "./diff.ts";

/**
 * `nuncio check --fix`: writes into the files what is certain to mend them, and says so on standard error.
 * With `dryRun` it prints the difference instead.
 * @returns how many fixes there are
 */
export function fixFiles(paths: readonly string[], dryRun: boolean, env: Environment, { out, error }: Output): number {
  if (paths.length === 0 || paths.includes("-"))
    throw new FatalError("--fix writes into files: name them, or their directory", exitCodes.usage);
  let fixes = 0;
  for (const { shown, file, content } of givenFiles(paths, env)) {
    // Whatever is wrong with it is told by the check.
    if (content.kind !== "text") continue;
    const { text, rewritten, failed } = mend(content.text);
    fixes += rewritten.length;
    if (dryRun) out(unifiedDiff(shown, content.text, text));
    else for (const reason of write({ shown, file, text, before: content.text })) throw new FatalError(reason);
    const done = dryRun ? "would mend" : "mended";
    for (const each of rewritten) error(findingLine(shown, { ...each, what: `${done} ${each.what}` }));
    for (const each of failed) error(findingLine(shown, each));
  }
  if (dryRun && fixes === 0) error("nothing to mend by itself");
  return fixes;
}
