/**
 * Writes what is generated from the table of kinds: crds/generated/<plural>.yaml, docs/reference/<kind>.md,
 * docs/compatibility-fields.md, manifests/ and charts/nuncio.
 * `--check` writes nothing, lists the files that are not what would be written, and then fails.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { customKinds } from "../capabilities/kinds.ts";
import { yamlOptions } from "../crds/documents.ts";
import { referenceOf } from "../crds/reference.ts";
import { crdOf } from "../crds/structural.ts";
import { compatibilityPage } from "./compatibility.ts";
import { manifestFiles } from "./manifests/files.ts";

const root = join(import.meta.dirname, "..");
const yamlHeader = "# Written by `npm run generate` from crds/ and features/; edit those.\n";

/** Folders in which every file is generated: others there are left over and go. */
const folders = ["crds/generated", "docs/reference", "manifests", "charts/nuncio/crds", "charts/nuncio/templates"];
/** In them, but written by hand. */
const byHand: ReadonlySet<string> = new Set(
  ["_helpers.tpl", "NOTES.txt"].map((name) => `charts/nuncio/templates/${name}`),
);

/** Text by path from the repository's root. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map(manifestFiles());
  for (const row of customKinds) {
    const crd = stringify(crdOf(row), { ...yamlOptions, lineWidth: 0, aliasDuplicateObjects: false });
    files.set(`crds/generated/${row.plural}.yaml`, yamlHeader + crd);
    files.set(`docs/reference/${row.kind.toLowerCase()}.md`, referenceOf(row));
  }
  files.set("docs/compatibility-fields.md", compatibilityPage());
  return files;
}

/** Paths whose file is missing, different or left over. */
export function driftedFiles(files: ReadonlyMap<string, string>): string[] {
  const changed = [...files].filter(([path, text]) => textOf(path) !== text).map(([path]) => path);
  return [...changed, ...leftOver(files)].sort();
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

function leftOver(files: ReadonlyMap<string, string>): string[] {
  return folders.flatMap((folder) => listFiles(folder)).filter((path) => !files.has(path) && !byHand.has(path));
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

function main(check: boolean): void {
  const files = generatedFiles();
  const drifted = driftedFiles(files);
  if (check) {
    for (const path of drifted) console.error(`${path} is not what npm run generate writes`);
    process.exitCode = drifted.length === 0 ? 0 : 1;
    return;
  }
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  for (const path of drifted) {
    const text = files.get(path);
    if (text === undefined) rmSync(join(root, path));
    else writeFileSync(join(root, path), text);
    console.log(`${text === undefined ? "removed" : "wrote"} ${path}`);
  }
}

if (import.meta.main) main(process.argv.includes("--check"));
