import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { errorCode, errorText, FatalError } from "./fatal.ts";

/** What makes two gateways on one machine different ones. The same identity twice is a mistake that is told. */
export interface Identity {
  readonly adminPort: number;
  /** Absolute path of the manifests, or "" in a cluster. */
  readonly configPath: string;
  readonly ambassadorId: string;
}

export interface RunDirOptions {
  readonly identity: Identity;
  /** `--run-dir`: the folder in which ours is made. Undefined: see defaultBase. */
  readonly base: string | undefined;
  /** XDG_RUNTIME_DIR: used when it is fit for it. */
  readonly xdgRuntimeDir: string | undefined;
  /** The user we run as; undefined where the system has none, and then owners are not checked. */
  readonly uid: number | undefined;
}

/** A directory of one gateway: its sockets, Envoy's bootstrap, PID records. Nobody else may enter it. */
export interface RunDir {
  readonly path: string;
  readonly adminSocketPath: string;
  readonly xdsSocketPath: string;
  /** Of the control plane: what the admin port passes on. */
  readonly controlSocketPath: string;
  readonly bootstrapPath: string;
  /** The path of a file in it. */
  file(name: string): string;
  /** Takes away what a gateway of this identity left behind, but for the record that holds the directory. */
  clear(keep: string): void;
  /** Takes the directory away with all that is in it, and the folder above it when that is ours and empty. */
  remove(): void;
}

const socketNames = { admin: "admin.sock", xds: "xds.sock", control: "control.sock" } as const;
/** Room in the longest socket name for what the control plane adds, such as its validator's sockets. */
const longestSocketName = 14;
/** `sun_path` of Linux holds 108 bytes, the closing zero included. Node and Envoy both cut or refuse what is longer. */
const maxSocketPathBytes = 107;

/** Makes the directory, with a FatalError that says what to do where that is impossible or would not be safe. */
export function openRunDir(options: RunDirOptions): RunDir {
  const { identity, uid } = options;
  const base = path.resolve(options.base ?? defaultBase(options));
  const directory = path.join(base, directoryName(identity));
  checkLength(path.join(directory, "x".repeat(longestSocketName)));
  let baseIsOurs = options.base === undefined;
  // A gateway that stops takes the empty folder away between our two steps: once more then.
  for (let attempt = 1; ; attempt++) {
    try {
      if (baseIsOurs) makePrivate(base, uid);
      else if (fs.mkdirSync(base, { recursive: true, mode: 0o700 }) !== undefined) baseIsOurs = true;
      makePrivate(directory, uid);
      break;
    } catch (error) {
      if (error instanceof FatalError) throw error;
      if (errorCode(error) === "ENOENT" && attempt < 5) continue;
      throw new FatalError(
        `cannot make the run directory ${directory}: ${errorText(error)}; name a folder that can be written with --run-dir`,
      );
    }
  }
  return runDirAt(directory, baseIsOurs ? base : undefined);
}

function directoryName({ adminPort, configPath, ambassadorId }: Identity): string {
  return crypto
    .createHash("sha256")
    .update(JSON.stringify([adminPort, configPath, ambassadorId]))
    .digest("hex")
    .slice(0, 12);
}

/** `$XDG_RUNTIME_DIR/nuncio` where it is ours and short enough, otherwise `/tmp/nuncio-<uid>`; not TMPDIR, which can be long. */
function defaultBase({ xdgRuntimeDir, uid, identity }: RunDirOptions): string {
  if (xdgRuntimeDir !== undefined && path.isAbsolute(xdgRuntimeDir)) {
    const base = path.join(xdgRuntimeDir, "nuncio");
    const longest = path.join(base, directoryName(identity), "x".repeat(longestSocketName));
    if (Buffer.byteLength(longest) <= maxSocketPathBytes && isOwnDirectory(xdgRuntimeDir, uid)) return base;
  }
  return `/tmp/nuncio-${uid ?? "user"}`;
}

function isOwnDirectory(directory: string, uid: number | undefined): boolean {
  const stat = fs.statSync(directory, { throwIfNoEntry: false });
  return stat !== undefined && stat.isDirectory() && (uid === undefined || stat.uid === uid);
}

function checkLength(longestSocketPath: string): void {
  const bytes = Buffer.byteLength(longestSocketPath);
  if (bytes <= maxSocketPathBytes) return;
  throw new FatalError(
    `the run directory ${path.dirname(longestSocketPath)} is too long a path for Unix sockets: theirs would be ${bytes} bytes, and the ` +
      `system takes ${maxSocketPathBytes}; name a shorter folder with --run-dir`,
  );
}

/** A directory of mode 0700 that is ours. In /tmp anybody may have made one of this name, or a symbolic link to elsewhere. */
function makePrivate(directory: string, uid: number | undefined): void {
  try {
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  const stat = fs.lstatSync(directory);
  const refuse = (what: string): never => {
    throw new FatalError(
      `the run directory ${directory} ${what}, so it is not used; remove it, or name another folder with --run-dir`,
    );
  };
  if (stat.isSymbolicLink()) refuse("is a symbolic link");
  if (!stat.isDirectory()) refuse("is not a directory");
  if (uid !== undefined && stat.uid !== uid) refuse(`belongs to another user (uid ${stat.uid})`);
  if ((stat.mode & 0o077) !== 0) fs.chmodSync(directory, 0o700);
}

function runDirAt(directory: string, ownBase: string | undefined): RunDir {
  const file = (name: string) => path.join(directory, name);
  return {
    path: directory,
    adminSocketPath: file(socketNames.admin),
    xdsSocketPath: file(socketNames.xds),
    controlSocketPath: file(socketNames.control),
    bootstrapPath: file("bootstrap.json"),
    file,
    clear(keep) {
      for (const name of fs.readdirSync(directory)) {
        if (name !== keep) fs.rmSync(file(name), { recursive: true, force: true });
      }
    },
    remove() {
      // Moved away first, in one step: a gateway that starts meanwhile makes a new one and loses nothing in it.
      const aside = `${directory}.gone`;
      // Left by one that was killed in the midst of this.
      fs.rmSync(aside, { recursive: true, force: true });
      try {
        fs.renameSync(directory, aside);
      } catch (error) {
        if (errorCode(error) !== "ENOENT") throw error;
      }
      fs.rmSync(aside, { recursive: true, force: true });
      if (ownBase === undefined) return;
      try {
        fs.rmdirSync(ownBase);
      } catch {
        // Another gateway lives in it, or has just taken it away; an empty folder is no reason to fail at the end.
      }
    },
  };
}
