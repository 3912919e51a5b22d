import fs from "node:fs";
import path from "node:path";
import { createExpander } from "../compile/expand.ts";
import type { SecretSpec } from "../crds/core.ts";
import type { Resources, SecretResource } from "../crds/resources.ts";
import { memoLast, sameElements } from "../ir/memo.ts";
import { compareText } from "../ir/problem.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { Redacted } from "../ir/redacted.ts";
import { keyOf } from "../ir/resource.ts";
import { type FileReference, fileSecret } from "../sources/getambassador/file-secrets.ts";
import { referencedFiles } from "../sources/getambassador/secret-references.ts";
import type { Clock } from "./clock.ts";
import { DirectoryWatchers } from "./directory-watchers.ts";
import { errorText } from "./fatal.ts";
import type { Log } from "./log.ts";

export interface CertificateFilesOptions {
  /** By them it is known what stands within other objects, which may name files too. */
  readonly settings: CompileSettings;
  /** A file that is named has other content now, or is there, or is not. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CertificateFiles {
  /**
   * The resources with a Secret for each certificate and authority in files; the same object while nothing has changed.
   * @param inForce what serves: the last good version of an object may name other files than the one that is asked for
   */
  withFiles(resources: Resources, inForce?: Resources): Resources;
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
export function certificateFiles({ settings, onChange, clock, log }: CertificateFilesOptions): CertificateFiles {
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

  const expand = createExpander();
  let referrers: readonly (readonly object[])[] = [];

  function follow(sources: readonly Resources[]): void {
    const now = sources.flatMap(({ hosts, tlsContexts, modules }) => [hosts, tlsContexts, modules]);
    if (sameElements(referrers, now)) return;
    // Lists of what serves are made anew for as long as something is wrong.
    const isSame = sameElements(referrers.flat(), now.flat());
    referrers = now;
    if (isSame) return;
    const named = new Map(sources.flatMap((resources) => [...referencedFiles(resources)]));
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
  }

  const merged = memoLast((resources: Resources, ofFiles: readonly SecretResource[]): Resources => {
    if (ofFiles.length === 0) return resources;
    const all = [...resources.secrets, ...ofFiles].sort((a, b) => compareText(keyOf(a), keyOf(b)));
    return { ...resources, secrets: all };
  });

  return {
    withFiles(resources, inForce) {
      const asked = expand(resources, settings).resources;
      follow(inForce === undefined ? [asked] : [asked, inForce]);
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

/** Whoever may write a Host names the path: it may be a device without an end, or a pipe that nobody writes to.
 *  @throws Error that names the file */
function bytesOf(file: string): Redacted {
  try {
    return new Redacted(readRegular(file));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : errorText(error);
    throw new Error(`${JSON.stringify(file)} cannot be read: ${reason}`, { cause: error });
  }
}

function readRegular(file: string): Buffer {
  // Or a pipe would be waited for.
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    if (!fs.fstatSync(descriptor).isFile()) throw new Error("it is not a regular file");
    const buffer = Buffer.allocUnsafe(MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0; length += read)
      read = fs.readSync(descriptor, buffer, length, buffer.length - length, null);
    if (length > MAX_BYTES) throw new Error("it is larger than 1 MiB");
    return Buffer.from(buffer.subarray(0, length));
  } finally {
    fs.closeSync(descriptor);
  }
}

function isSame(a: SecretSpec, b: SecretSpec): boolean {
  if (a.unreadable !== b.unreadable) return false;
  return (["tls.crt", "tls.key", "ca.crt"] as const).every((key) => {
    const [x, y] = [a.data[key]?.reveal(), b.data[key]?.reveal()];
    return x === y || (x !== undefined && y !== undefined && Buffer.compare(x, y) === 0);
  });
}
