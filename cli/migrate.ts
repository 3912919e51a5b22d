import fs from "node:fs";
import path from "node:path";
import { migrate } from "../crds/versions/migrate.ts";
import type { Finding, Rewritten } from "../crds/versions/rewrite.ts";
import { errorText, FatalError } from "../runtime/fatal.ts";
import { readManifestFiles } from "../runtime/manifest-files.ts";
import { userPath } from "./assets.ts";

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
  readonly file: string;
  readonly shown: string;
  readonly before: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

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
  if (inPlace && check) throw new FatalError("--in-place and --check exclude each other; leave one of them out", 2);
  const files: Migrated[] = [];
  const failed: string[] = [];
  for (const given of paths) {
    const resolved = userPath(given, env);
    if (!fs.existsSync(resolved)) throw new FatalError(`there is no file or directory ${given}`, 2);
    for (const [file, content] of readManifestFiles(resolved)) {
      const shown = file === resolved ? given : path.join(given, path.relative(resolved, file));
      if (content.kind === "text") files.push({ file, shown, before: content.text, ...migrate(content.text) });
      else failed.push(`${shown}: the file ${content.reason}`);
    }
  }
  for (const { shown, rewritten, failed: left } of files) {
    for (const each of rewritten) error(lineOf(shown, each));
    failed.push(...left.map((each) => lineOf(shown, each)));
  }
  if (inPlace) failed.push(...files.flatMap(write));
  else if (!check) print(files, out);
  for (const line of failed) error(line);
  const changed = files.flatMap(({ rewritten }) => rewritten).length;
  error(summary(files, changed, failed.length, check));
  return failed.length > 0 || (check && changed > 0) ? 1 : 0;
}

function lineOf(file: string, { line, object, what }: Finding): string {
  return `${file}:${line}: ${object}: ${what}`;
}

function write({ file, shown, text, before }: Migrated): string[] {
  if (text === before) return [];
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
