import { parseDocuments } from "../crds/documents.ts";
import { parseResource } from "../crds/parse.ts";
import { type AnyResource, type Resources, sortResources } from "../crds/resources.ts";
import { sameElements } from "../ir/memo.ts";
import type { Problem } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";

/** A file's text, or why there is none. */
export type ManifestFile =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "unreadable"; readonly reason: string };

export interface Manifests {
  readonly resources: Resources;
  /** Of files and documents; the problems of objects stand with the objects. */
  readonly problems: readonly Problem[];
  /** Objects of kinds that are not read are named and skipped: these have no resource to stand with. */
  readonly skipped: readonly Problem[];
}

interface ParsedFile {
  readonly file: ManifestFile;
  readonly resources: readonly AnyResource[];
  readonly problems: readonly Problem[];
  readonly skipped: readonly Problem[];
}

/**
 * Reads manifests, each file once: unchanged files give the very same resources.
 * A document that can no longer be read costs nothing: what its file said before about objects that it no longer shows stays.
 */
export function manifestReader(): (files: ReadonlyMap<string, ManifestFile>) => Manifests {
  let known = new Map<string, ParsedFile>();
  let earlier: Resources | undefined;
  return (files) => {
    const now = new Map<string, ParsedFile>();
    for (const [name, file] of files) {
      const before = known.get(name);
      now.set(name, before?.file === file ? before : parseFile(name, file, before));
    }
    known = now;
    const parsed = [...now.values()];
    const { value, problems } = sortResources(parsed.flatMap(({ resources }) => resources));
    earlier = stable(value, earlier);
    return {
      resources: earlier,
      problems: [...parsed.flatMap((file) => file.problems), ...problems],
      skipped: parsed.flatMap((file) => file.skipped),
    };
  };
}

function parseFile(name: string, file: ManifestFile, before: ParsedFile | undefined): ParsedFile {
  if (file.kind === "unreadable") {
    const problem: Problem = {
      code: "FileUnreadable",
      severity: "error",
      object: { kind: "File", namespace: "", name, origin: { file: name, line: 1, lineOf: () => 1 } },
      path: [],
      message: `the file ${file.reason}`,
      advice: "make it readable, or move it out of the directory",
    };
    return { file, resources: before?.resources ?? [], problems: [problem], skipped: [] };
  }
  const { documents, problems } = parseDocuments(file.text, name);
  const resources: AnyResource[] = [];
  const skipped: Problem[] = [];
  for (const { raw, origin } of documents) {
    const parsed = parseResource(raw, origin);
    if (parsed.resource === undefined) skipped.push(...parsed.problems);
    else resources.push(parsed.resource);
  }
  if (problems.length > 0 && before !== undefined) {
    const shown = new Set(resources.map(identity));
    resources.push(...before.resources.filter((resource) => !shown.has(identity(resource))));
  }
  return { file, resources, problems, skipped };
}

function identity(resource: AnyResource): string {
  return `${resource.kind} ${keyOf(resource)}`;
}

/** Kinds whose list is the same keep the identity of their array. */
function stable(now: Resources, earlier: Resources | undefined): Resources {
  if (earlier === undefined) return now;
  const entries = Object.entries(now) as [keyof Resources, readonly AnyResource[]][];
  return Object.fromEntries(
    entries.map(([kind, list]) => [kind, sameElements(list, earlier[kind]) ? earlier[kind] : list]),
  ) as unknown as Resources;
}
