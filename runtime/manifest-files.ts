import fs from "node:fs";
import path from "node:path";
import { errorCode, errorText, FatalError } from "./fatal.ts";
import { compareText } from "../ir/problem.ts";

/** What is in a file of manifests. The same object from one reading to the next when nothing has changed. */
export type FileContent =
  | { readonly kind: "text"; readonly text: string }
  /** A complete sentence's end: `cannot be read: permission denied`. */
  | { readonly kind: "unreadable"; readonly reason: string };

/** A file as `look` found it: a different signature means that it may have changed. */
export interface FoundFile {
  readonly path: string;
  readonly signature: string;
  readonly isEmpty: boolean;
}

export interface FoundTree {
  /** By path. */
  readonly files: ReadonlyMap<string, FoundFile>;
  /** Directories in which a change can matter: those whose manifests are ours, and others that links, or a single file's path, lead to. */
  readonly directories: ReadonlyMap<string, "listed" | "linked">;
}

/** Larger files are no manifests; and the whole text is held in memory. */
const maxFileBytes = 64 * 1024 * 1024;

/** `.yaml`, `.yml` and `.json`, but not hidden. Editors' temporary files are hidden (`.a.yaml.swp`, `.#a.yaml`) or have a suffix (`a.yaml~`). */
export function isManifestName(name: string): boolean {
  return !name.startsWith(".") && !name.startsWith("#") && /\.(ya?ml|json)$/i.test(name);
}

/** Without the trailing slash and `./` that people write: `conf/` and `./conf` find the same paths. */
export function normalRoot(root: string): string {
  return path.normalize(root).replace(/(.)\/+$/, "$1");
}

/** Reads a directory of manifests, recursively, or one file of any name; sorted by path. A FatalError when there is no such path. */
export function readManifestFiles(root: string): ReadonlyMap<string, FileContent> {
  const contents = new Map<string, FileContent>();
  for (const found of findManifests(normalRoot(root)).files.values()) {
    const content = readManifest(found.path);
    if (content !== undefined) contents.set(found.path, content);
  }
  return contents;
}

/** Finds the manifests under a path (see normalRoot) without reading them; sorted by path. `onDirectory` is called before a directory is
 *  listed, so that nothing that appears in between is missed by a watch. A FatalError when the path is not there or cannot be read. */
export function findManifests(root: string, onDirectory: (directory: string) => void = () => undefined): FoundTree {
  const files = new Map<string, FoundFile>();
  const directories = new Map<string, "listed" | "linked">();
  const note = (directory: string, how: "listed" | "linked") => {
    const before = directories.get(directory);
    if (before !== "listed") directories.set(directory, how);
    if (before === undefined) onDirectory(directory);
  };
  const addFile = (file: string) => {
    const found = look(file);
    if (found !== undefined) files.set(file, found);
  };
  const visited = new Set<string>();
  const addDirectory = (directory: string) => {
    const real = realPath(directory);
    // A symbolic link to a directory above itself.
    if (real === undefined || visited.has(real)) return;
    visited.add(real);
    note(directory, "listed");
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
      const entryPath = path.join(directory, entry.name);
      if (entry.isSymbolicLink() && !entry.name.startsWith(".")) {
        // Events come from where the target is: a ConfigMap's files are links into a directory that is exchanged.
        const target = realPath(entryPath);
        if (target !== undefined) note(path.dirname(target), "linked");
      }
      if (isManifestName(entry.name)) addFile(entryPath);
      if (!isHiddenDirectory(entry.name) && isDirectory(entryPath, entry)) descend(entryPath);
    }
  };
  const descend = (directory: string) => {
    try {
      addDirectory(directory);
    } catch (error) {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return; // removed while we looked
      // Reported in the place of a file: what is in it is not known.
      addFile(directory);
    }
  };
  const stat = statRoot(root);
  if (stat.isDirectory()) {
    try {
      addDirectory(root);
    } catch (error) {
      throw new FatalError(`the manifests in ${root} cannot be read: ${errorText(error)}`, 2);
    }
  } else {
    note(path.dirname(root), "linked");
    const real = realPath(root);
    if (real !== undefined) note(path.dirname(real), "linked");
    addFile(root);
  }
  return { files: new Map([...files].sort(([a], [b]) => compareText(a, b))), directories };
}

/** Undefined when there is no such file, or when it is a directory that can be listed. */
export function look(file: string): FoundFile | undefined {
  try {
    const stat = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
    if (stat === undefined) return undefined;
    if (stat.isDirectory()) {
      fs.accessSync(file, fs.constants.R_OK | fs.constants.X_OK);
      return undefined;
    }
    const signature = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
    return { path: file, signature, isEmpty: stat.size === 0n };
  } catch (error) {
    // A link that leads in a circle, a directory that may not be read.
    return { path: file, signature: `unreadable ${errorText(error)}`, isEmpty: false };
  }
}

/** Undefined when the file has vanished, which is as if it had been deleted before. */
export function readManifest(file: string): FileContent | undefined {
  let descriptor: number;
  try {
    // Without O_NONBLOCK a named pipe would stop the whole process.
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    return errorCode(error) === "ENOENT" ? undefined : unreadable(error);
  }
  try {
    const stat = fs.fstatSync(descriptor);
    if (stat.isDirectory()) return { kind: "unreadable", reason: directoryReason(file) };
    if (!stat.isFile()) return { kind: "unreadable", reason: "is not a regular file" };
    if (stat.size > maxFileBytes)
      return { kind: "unreadable", reason: `is larger than ${maxFileBytes / 1024 / 1024} MiB` };
    const bytes = fs.readFileSync(descriptor);
    try {
      return { kind: "text", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
    } catch {
      return { kind: "unreadable", reason: "is not UTF-8 text" };
    }
  } catch (error) {
    return unreadable(error);
  } finally {
    fs.closeSync(descriptor);
  }
}

function unreadable(error: unknown): FileContent {
  return { kind: "unreadable", reason: `cannot be read: ${errorText(error)}` };
}

function directoryReason(directory: string): string {
  try {
    fs.readdirSync(directory);
    return "is a directory";
  } catch (error) {
    return `is a directory that cannot be read: ${errorText(error)}`;
  }
}

function statRoot(root: string): fs.Stats {
  try {
    return fs.statSync(root);
  } catch (error) {
    const reason = errorCode(error) === "ENOENT" ? "there is no such file or directory" : errorText(error);
    throw new FatalError(`cannot read manifests from ${root}: ${reason}`, 2);
  }
}

function isHiddenDirectory(name: string): boolean {
  return name.startsWith(".") || name === "node_modules";
}

function isDirectory(entryPath: string, entry: fs.Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return fs.statSync(entryPath).isDirectory();
  } catch {
    return false; // a link that leads nowhere, or in a circle
  }
}

function realPath(file: string): string | undefined {
  try {
    return fs.realpathSync(file);
  } catch {
    return undefined; // a link that leads nowhere
  }
}
