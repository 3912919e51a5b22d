import fs from "node:fs";
import path from "node:path";
import type { SecretSpec } from "../crds/core.ts";
import type { Resources, SecretResource } from "../crds/resources.ts";
import { memoLast } from "../ir/memo.ts";
import { compareText } from "../ir/problem.ts";
import { Redacted } from "../ir/redacted.ts";
import { keyOf } from "../ir/resource.ts";
import { type FileReference, fileSecret } from "../sources/getambassador/file-secrets.ts";
import { referencedFiles } from "../sources/getambassador/secret-references.ts";
import type { Clock } from "./clock.ts";
import { DirectoryWatchers } from "./directory-watchers.ts";
import { errorText } from "./fatal.ts";
import type { Log } from "./log.ts";

export interface CertificateFilesOptions {
  /** A file that is named has other content now, or is there, or is not. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CertificateFiles {
  /** The resources with a Secret for each certificate and authority in files; the same object while nothing has changed. */
  withFiles(resources: Resources): Resources;
  close(): void;
}

/** How often a file is looked for that is not there: its directory need not be there either, and so cannot be watched. */
const RETRY_MS = 2000;
/** Certificates are smaller; and what a name leads to by mistake may be without end. */
const MAX_BYTES = 1024 * 1024;

interface Entry {
  readonly reference: FileReference;
  secret: SecretResource;
}

/**
 * Reads the files that TLS names and watches them. Envoy could by itself; but a file that is missing would then be a Secret that
 * Envoy refuses once and does not ask for again, and a key that does not belong would be found out by clients.
 */
export function certificateFiles({ onChange, clock, log }: CertificateFilesOptions): CertificateFiles {
  const entries = new Map<string, Entry>();
  let secrets: readonly SecretResource[] = [];
  let cancelRetry: (() => void) | undefined;

  const watchers = new DirectoryWatchers({
    onEvent: () => reviewAll(),
    onFailure: (directory, reason) =>
      log.warn("a directory with certificates cannot be watched", { directory, reason }),
  });

  function review(entry: Entry): boolean {
    for (const file of pathsOf(entry.reference)) for (const directory of directoriesOf(file)) watchers.watch(directory);
    const spec = read(entry.reference);
    if (isSame(spec, entry.secret.spec)) return false;
    entry.secret = fileSecret(entry.reference, spec);
    return true;
  }

  function reviewAll(): void {
    let isChanged = false;
    for (const entry of entries.values()) if (review(entry)) isChanged = true;
    retryLater();
    if (!isChanged) return;
    list();
    onChange();
  }

  function retryLater(): void {
    if (cancelRetry !== undefined) return;
    if (![...entries.values()].some(({ secret }) => secret.spec.unreadable !== undefined)) return;
    cancelRetry = clock.setTimer(RETRY_MS, () => {
      cancelRetry = undefined;
      reviewAll();
    });
  }

  function list(): void {
    secrets = [...entries.values()].map(({ secret }) => secret);
  }

  const follow = memoLast(
    (hosts: Resources["hosts"], tlsContexts: Resources["tlsContexts"], modules: Resources["modules"]) => {
      const named = referencedFiles({ hosts, tlsContexts, modules });
      for (const key of entries.keys()) if (!named.has(key)) entries.delete(key);
      for (const [key, reference] of named) {
        if (!entries.has(key)) entries.set(key, { reference, secret: fileSecret(reference, read(reference)) });
      }
      const directories = new Set<string>();
      for (const reference of named.values())
        for (const file of pathsOf(reference)) for (const directory of directoriesOf(file)) directories.add(directory);
      watchers.keep(directories);
      // Again: what has changed before there was a watch.
      for (const entry of entries.values()) review(entry);
      retryLater();
      list();
    },
  );

  const merged = memoLast((resources: Resources, ofFiles: readonly SecretResource[]): Resources => {
    if (ofFiles.length === 0) return resources;
    const all = [...resources.secrets, ...ofFiles].sort((a, b) => compareText(keyOf(a), keyOf(b)));
    return { ...resources, secrets: all };
  });

  return {
    withFiles(resources) {
      follow(resources.hosts, resources.tlsContexts, resources.modules);
      return merged(resources, secrets);
    },
    close() {
      cancelRetry?.();
      watchers.close();
    },
  };
}

function pathsOf(reference: FileReference): readonly string[] {
  return reference.kind === "authority" ? [reference.caPath] : [reference.chainPath, reference.keyPath];
}

/** Kubernetes swaps a link beside the file; others replace what a link leads to. */
function directoriesOf(file: string): readonly string[] {
  const own = path.dirname(path.resolve(file));
  try {
    return [...new Set([own, path.dirname(fs.realpathSync(file))])];
  } catch {
    return [own];
  }
}

function read(reference: FileReference): SecretSpec {
  try {
    const data =
      reference.kind === "authority"
        ? { "ca.crt": bytesOf(reference.caPath) }
        : { "tls.crt": bytesOf(reference.chainPath), "tls.key": bytesOf(reference.keyPath) };
    return { type: "Opaque", data };
  } catch (error) {
    return { type: "Opaque", data: {}, unreadable: errorText(error) };
  }
}

/** @throws Error that names the file */
function bytesOf(file: string): Redacted {
  try {
    const { size } = fs.statSync(file);
    if (size > MAX_BYTES) throw new Error("it is larger than 1 MiB");
    return new Redacted(fs.readFileSync(file));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : errorText(error);
    throw new Error(`${JSON.stringify(file)} cannot be read: ${reason}`, { cause: error });
  }
}

function isSame(a: SecretSpec, b: SecretSpec): boolean {
  if (a.unreadable !== b.unreadable) return false;
  return (["tls.crt", "tls.key", "ca.crt"] as const).every((key) => {
    const [x, y] = [a.data[key]?.reveal(), b.data[key]?.reveal()];
    return x === y || (x !== undefined && y !== undefined && Buffer.compare(x, y) === 0);
  });
}
