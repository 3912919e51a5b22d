import fs from "node:fs";
import path from "node:path";
import { errorText } from "./fatal.ts";

export interface DirectoryWatcherOptions {
  /** `name` is the entry that changed; undefined when it is not known, or when the directory itself did. */
  readonly onEvent: (directory: string, name: string | undefined) => void;
  /** A directory cannot be watched; others may still be. */
  readonly onFailure: (directory: string, reason: string) => void;
}

/** The system's watches on a set of directories, not recursive, kept while directories come, go and are replaced. */
export class DirectoryWatchers {
  readonly #options: DirectoryWatcherOptions;
  readonly #watchers = new Map<string, { readonly inode: string; readonly watcher: fs.FSWatcher }>();

  constructor(options: DirectoryWatcherOptions) {
    this.#options = options;
  }

  /** Nothing when this very directory is watched already. */
  watch(directory: string): void {
    const inode = inodeOf(directory);
    if (inode === undefined || this.#watchers.get(directory)?.inode === inode) return;
    this.#unwatch(directory);
    try {
      const watcher = fs.watch(directory, (_type, name) => this.#onEvent(directory, name ?? undefined));
      watcher.on("error", () => this.#onEvent(directory, undefined));
      this.#watchers.set(directory, { inode, watcher });
    } catch (error) {
      this.#options.onFailure(directory, errorText(error));
    }
  }

  /** Lets all others go. */
  keep(directories: { has(directory: string): boolean }): void {
    for (const directory of [...this.#watchers.keys()]) {
      if (!directories.has(directory)) this.#unwatch(directory);
    }
  }

  close(): void {
    this.keep(new Set());
  }

  #onEvent(directory: string, name: string | undefined): void {
    const isAboutItself = name === undefined || name === path.basename(directory);
    // Moved or removed: the watch stays with what it was, and a new directory may even have its inode number.
    if (isAboutItself) this.#unwatch(directory);
    this.#options.onEvent(directory, isAboutItself ? undefined : name);
  }

  #unwatch(directory: string): void {
    this.#watchers.get(directory)?.watcher.close();
    this.#watchers.delete(directory);
  }
}

function inodeOf(directory: string): string | undefined {
  try {
    const { dev, ino } = fs.statSync(directory, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
