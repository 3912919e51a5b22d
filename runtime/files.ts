import fs from "node:fs";
import path from "node:path";
import type { Clock } from "./clock.ts";
import { DirectoryWatchers } from "./directory-watchers.ts";
import { errorText } from "./fatal.ts";
import type { Log } from "./log.ts";
import { findManifests, isManifestName, look, normalRoot, readManifest } from "./manifest-files.ts";
import type { FileContent, FoundFile, FoundTree } from "./manifest-files.ts";
import { compareText } from "../ir/problem.ts";

export interface WatchOptions {
  /** A directory, or one file. */
  readonly path: string;
  readonly log: Log;
  readonly clock: Clock;
  /** All files, sorted by path; the contents of unchanged ones keep their identity. Called once before `watchManifests` returns. */
  readonly onChange: (files: ReadonlyMap<string, FileContent>) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** A change is believed when two looks so far apart agree: who writes in pieces is let finish. It is also what a change costs. */
const settleMs = 3;
/** Shells and editors empty or remove a file before they write it anew; without these waits its routes would be gone for a moment. */
const emptiedMs = 300;
const goneMs = 25;
/** A file that never comes to rest is read as it is. */
const restlessMs = 250;
/** For what the system's events do not tell: network file systems, bind mounts, a queue that overflowed. */
const rescanMs = 10_000;
/** When directories cannot be watched, or the path is not there. */
const impatientRescanMs = 500;

/** Reads manifests, and again what changes. A FatalError when the path is not there at the start; when it vanishes later, what was
 *  last read stays. Uses Node's fs.watch per directory: chokidar's own delays (50-100 ms) are longer than the whole way to Envoy. */
export function watchManifests(options: WatchOptions): void {
  const watch = new ManifestWatch({ ...options, path: normalRoot(options.path) });
  try {
    watch.start();
  } catch (error) {
    watch.close();
    throw error;
  }
  options.signal.addEventListener("abort", () => watch.close(), { once: true });
  if (options.signal.aborted) watch.close();
}

interface Known {
  readonly signature: string;
  readonly isEmpty: boolean;
  readonly content: FileContent;
}

/** A file that looks different from what we know, until it comes to rest. */
interface Candidate {
  /** "gone" when there is no such file. */
  readonly signature: string;
  /** Since when it looks like this. */
  readonly sinceMs: number;
  /** Since when it looks different. */
  readonly firstMs: number;
  /** How long it must look like this to be believed. */
  readonly restMs: number;
}

const gone = "gone";

class ManifestWatch {
  readonly #options: WatchOptions;
  readonly #known = new Map<string, Known>();
  readonly #candidates = new Map<string, Candidate>();
  readonly #watchers: DirectoryWatchers;
  #plannedCheck: { readonly dueMs: number; readonly cancel: () => void } | undefined;
  #cancelRescan: () => void = () => undefined;
  #directories: FoundTree["directories"] = new Map();
  #mustRescan = false;
  #nextRescanMs = 0;
  #rootIsGone = false;
  #cannotWatch = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#watchers = new DirectoryWatchers({
      onEvent: (directory, name) => this.#onEvent(directory, name),
      onFailure: (directory, reason) => this.#onWatchFailure(directory, reason),
    });
  }

  start(): void {
    const tree = findManifests(this.#options.path, (directory) => this.#watchers.watch(directory));
    for (const found of tree.files.values()) this.#read(found);
    this.#takeDirectories(tree);
    this.#planRescan();
    this.#publish();
  }

  close(): void {
    this.#closed = true;
    this.#plannedCheck?.cancel();
    this.#cancelRescan();
    this.#watchers.close();
  }

  #onEvent(directory: string, name: string | undefined): void {
    const about = name === undefined ? "anything" : this.#meaning(directory, name);
    if (about === "nothing") return;
    if (about === "anything") this.#mustRescan = true;
    // Even when it looks the same: the clock of a file system may be too coarse to tell two writes apart.
    else this.#suspect(about.file, look(about.file));
    this.#planCheck();
  }

  /** What an event can be about: in a directory of thousands of files, to look at all of them takes long. */
  #meaning(directory: string, name: string): "nothing" | "anything" | { readonly file: string } {
    const file = path.join(directory, name);
    if (this.#directories.get(directory) !== "listed") return "anything";
    const type = typeOf(file);
    // A new link leads to a directory that must be watched; a ConfigMap's `..data` leads to all its files.
    if (type === "link" || type === "directory" || this.#directories.has(file)) return "anything";
    return isManifestName(name) ? { file } : "nothing"; // an editor's temporary file
  }

  #suspect(file: string, found: FoundFile | undefined): void {
    const signature = found?.signature ?? gone;
    const before = this.#candidates.get(file);
    if (before?.signature === signature) return;
    const nowMs = this.#options.clock.now();
    const wasEmptied = found?.isEmpty === true && this.#known.get(file)?.isEmpty === false;
    const restMs = found === undefined ? goneMs : wasEmptied ? emptiedMs : settleMs;
    this.#candidates.set(file, { signature, sinceMs: nowMs, firstMs: before?.firstMs ?? nowMs, restMs });
  }

  #planCheck(delayMs = settleMs): void {
    const { clock } = this.#options;
    const dueMs = clock.now() + delayMs;
    if (this.#closed || (this.#plannedCheck !== undefined && this.#plannedCheck.dueMs <= dueMs)) return;
    this.#plannedCheck?.cancel();
    const cancel = clock.setTimer(delayMs, () => {
      this.#plannedCheck = undefined;
      this.#check();
    });
    this.#plannedCheck = { dueMs, cancel };
  }

  #planRescan(): void {
    this.#cancelRescan();
    const delayMs = this.#rootIsGone || this.#cannotWatch ? impatientRescanMs : rescanMs;
    this.#cancelRescan = this.#options.clock.setTimer(delayMs, () => {
      this.#mustRescan = true;
      this.#check();
    });
  }

  #check(): void {
    if (this.#closed) return;
    if (this.#mustRescan && this.#options.clock.now() >= this.#nextRescanMs) this.#rescan();
    const changed = this.#settleCandidates();
    if (changed) this.#publish();
    const waits = [...this.#candidates.values()].map((candidate) => this.#stillToWaitMs(candidate));
    if (this.#mustRescan) waits.push(this.#nextRescanMs - this.#options.clock.now());
    if (waits.length > 0 && !this.#rootIsGone) this.#planCheck(Math.max(1, Math.min(...waits)));
  }

  /** Takes over what has come to rest; says whether anything is different. */
  #settleCandidates(): boolean {
    let changed = false;
    for (const file of [...this.#candidates.keys()]) {
      const found = look(file);
      this.#suspect(file, found);
      const candidate = this.#candidates.get(file);
      if (candidate !== undefined && this.#stillToWaitMs(candidate) > 0) continue;
      if (found === undefined && !this.#rootIsThere()) return changed;
      this.#candidates.delete(file);
      if (found === undefined ? this.#known.delete(file) : this.#read(found)) changed = true;
    }
    return changed;
  }

  /** A file that went with all of the manifests was not deleted by anybody who wanted its routes to go. */
  #rootIsThere(): boolean {
    if (fs.existsSync(this.#options.path)) return true;
    this.#rescan();
    return !this.#rootIsGone;
  }

  #stillToWaitMs({ sinceMs, firstMs, restMs }: Candidate): number {
    return Math.min(sinceMs + restMs, firstMs + Math.max(restMs, restlessMs)) - this.#options.clock.now();
  }

  /** Looks at everything: for events that name no manifest, such as a directory's, and from time to time. */
  #rescan(): void {
    const { clock } = this.#options;
    this.#mustRescan = false;
    const startedMs = clock.now();
    const tree = this.#find();
    // A tree that is being unpacked sends events all the time: at most a fifth of the time goes into looking.
    this.#nextRescanMs = clock.now() + 4 * (clock.now() - startedMs);
    this.#planRescan();
    if (tree === undefined) return;
    for (const [file, found] of tree.files) {
      if (this.#known.get(file)?.signature !== found.signature) this.#suspect(file, found);
    }
    for (const file of this.#known.keys()) {
      if (!tree.files.has(file)) this.#suspect(file, undefined);
    }
    this.#takeDirectories(tree);
  }

  #find(): FoundTree | undefined {
    const { path: root, log } = this.#options;
    try {
      const tree = findManifests(root, (directory) => this.#watchers.watch(directory));
      if (this.#rootIsGone) {
        log.info("the manifests are back", { path: root });
        this.#candidates.clear();
      }
      this.#rootIsGone = false;
      return tree;
    } catch (error) {
      // A directory that is replaced, or a volume that is away for a moment, is no order to stop serving.
      if (!this.#rootIsGone) log.error(`${errorText(error)}; what was last read stays in force`, { path: root });
      this.#rootIsGone = true;
      return undefined;
    }
  }

  /** Says whether the content is another than before. */
  #read({ path: file, signature, isEmpty }: FoundFile): boolean {
    const content = readManifest(file);
    const before = this.#known.get(file);
    if (content === undefined) {
      // Vanished between looking and reading: its deletion is to be believed like any other.
      if (before !== undefined) this.#suspect(file, undefined);
      return false;
    }
    const isSame = before !== undefined && sameContent(before.content, content);
    this.#known.set(file, { signature, isEmpty, content: isSame ? before.content : content });
    return !isSame;
  }

  #publish(): void {
    const { onChange, log } = this.#options;
    const sorted = [...this.#known].sort(([a], [b]) => compareText(a, b));
    try {
      onChange(new Map(sorted.map(([file, { content }]) => [file, content])));
    } catch (error) {
      log.error("the changed manifests could not be taken over", { reason: errorText(error) });
    }
  }

  #onWatchFailure(directory: string, reason: string): void {
    const { log } = this.#options;
    const advice = "changes are looked for twice a second instead; see fs.inotify.max_user_watches";
    if (!this.#cannotWatch) log.warn(`manifests cannot be watched: ${advice}`, { directory, reason });
    this.#cannotWatch = true;
  }

  #takeDirectories({ directories }: FoundTree): void {
    this.#directories = directories;
    this.#watchers.keep(directories);
  }
}

function typeOf(file: string): "link" | "directory" | "other" | undefined {
  try {
    const stat = fs.lstatSync(file);
    return stat.isSymbolicLink() ? "link" : stat.isDirectory() ? "directory" : "other";
  } catch {
    return undefined;
  }
}

function sameContent(a: FileContent, b: FileContent): boolean {
  if (a.kind === "text") return b.kind === "text" && a.text === b.text;
  return b.kind === "unreadable" && a.reason === b.reason;
}
