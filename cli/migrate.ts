import fs from "node:fs";
import { migrate } from "../crds/versions/migrate.ts";
import type { Finding, Rewritten } from "../crds/versions/rewrite.ts";
import { errorText, FatalError } from "../runtime/fatal.ts";
import { exitCodes } from "./output/exit-codes.ts";
import { givenFiles } from "./state/files.ts";
import type { Environment } from "./state/state.ts";

export interface MigrateOptions {
  /** Files are rewritten, and nothing is printed. */
  readonly inPlace: boolean;
  /** Nothing is written nor printed. */
  readonly check: boolean;
}

export interface Output {
  out(text: string): void;
  error(line: string): void;
}

interface Migrated extends Rewritten {
  readonly file: string | undefined;
  readonly shown: string;
  readonly before: string;
}

/**
 * `nuncio migrate`: manifests of v1 and v2, and deprecated spellings, as today's v3alpha1.
 * @returns the exit code: 0, or 1 when something could not be rewritten, or with `check` when something would be
 */
export function migrateFiles(
  paths: readonly string[],
  { inPlace, check }: MigrateOptions,
  env: Environment,
  { out, error }: Output,
): number {
  if (inPlace && paths.includes("-"))
    throw new FatalError("standard input cannot be rewritten in place; leave --in-place out", exitCodes.usage);
  if (inPlace && check)
    throw new FatalError("--in-place and --check exclude each other; leave one of them out", exitCodes.usage);
  const files: Migrated[] = [];
  const failed: string[] = [];
  for (const { shown, file, content } of givenFiles(paths, env)) {
    if (content.kind === "text") files.push({ file, shown, before: content.text, ...migrate(content.text) });
    else failed.push(`${shown}: the file ${content.reason}`);
  }
  for (const { shown, rewritten, failed: left } of files) {
    for (const each of rewritten) error(findingLine(shown, each));
    failed.push(...left.map((each) => findingLine(shown, each)));
  }
  if (inPlace) failed.push(...files.flatMap(write));
  else if (!check) print(files, out);
  for (const line of failed) error(line);
  const changed = files.flatMap(({ rewritten }) => rewritten).length;
  error(summary(files, changed, failed.length, check));
  return failed.length > 0 || (check && changed > 0) ? 1 : 0;
}

export function findingLine(file: string, { line, object, what }: Finding): string {
  return `${file}:${line}: ${object}: ${what}`;
}

/** @returns why it could not be written */
export function write({ file, shown, text, before }: Pick<Migrated, "file" | "shown" | "text" | "before">): string[] {
  if (text === before || file === undefined) return [];
  try {
    fs.writeFileSync(file, text);
    return [];
  } catch (error) {
    return [`${shown}: the file cannot be written: ${errorText(error)}`];
  }
}

/** One stream of documents, so that it can be piped into kubectl; of several files each is named before it. */
function print(files: readonly Migrated[], out: (text: string) => void): void {
  for (const { shown, text } of files) {
    const ended = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    if (files.length === 1) out(text);
    else out(`---\n# ${shown}\n${ended}`);
  }
}

function summary(files: readonly Migrated[], changed: number, failed: number, isCheck: boolean): string {
  const objects = files.reduce((sum, file) => sum + file.objects, 0);
  const done = `${changed} ${isCheck ? "to rewrite" : "rewritten"}`;
  const left = failed === 0 ? "" : `, ${failed} left to you`;
  return `${plural(objects, "object")} in ${plural(files.length, "file")}: ${done}${left}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
