// The tree as a container: a read-only root on which only /tmp can be written, the image's user, process 1 of its own process
// namespace. The network stays this machine's. Takes root on Linux; nothing is left when process 1 has ended.
import { type ChildProcess, spawn, spawnSync, type StdioOptions } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { imageConfig } from "./image-config.ts";

export interface ContainerOptions {
  /** Of `npm run image -- --out`. */
  readonly tree: string;
  /** Instead of the image's own. */
  readonly entrypoint?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Directories of this machine by where they are seen, read only. */
  readonly volumes?: Readonly<Record<string, string>>;
  readonly stdio?: StdioOptions;
}

/**
 * As containerd does it: the image below, an upper layer for the mount points, a remount as read only.
 * $1 is an empty directory for all of it, $2 the tree, $3 UID:GID, then pairs of volumes up to "--", then the command.
 */
const script = `
set -eu
base=$1 tree=$2 user=$3 root=$1/root
shift 3
mount -t tmpfs -o mode=755,size=1m tmpfs "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$base/upper,workdir=$base/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/tmp"
mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev"
for each in null zero full random urandom; do touch "$root/dev/$each"; mount --bind "/dev/$each" "$root/dev/$each"; done
mount -o remount,ro "$root/dev"
for each in hosts resolv.conf; do touch "$root/etc/$each"; mount --bind "/etc/$each" "$root/etc/$each"; done
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  mount -o remount,bind,ro "$root$2"
  shift 2
done
shift
mount -o remount,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"
`;

const namespaces = ["--mount", "--pid", "--fork", "--kill-child"];

/** Mounts of the kinds that a container is made of, in a namespace that ends at once. */
const trial = `
mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir lower upper work root &&
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root && mount -t proc proc root`;

/** Why no container can be started here; undefined where one can. */
export function whyNoContainer(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it takes root on Linux to start a container";
  const base = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-container-"));
  const args = [...namespaces, "sh", "-c", trial, "sh", base];
  const { status, stderr, error } = spawnSync("unshare", args, { encoding: "utf8" });
  fs.rmSync(base, { recursive: true, force: true });
  return status === 0 ? undefined : `no container can be started here: ${error?.message ?? stderr.trim()}`;
}

export class Container {
  /** unshare(1): it ends with the exit code of process 1, and process 1 with it. */
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor({ tree, entrypoint, args, env = {}, volumes = {}, stdio = "inherit" }: ContainerOptions) {
    const image = imageConfig();
    const base = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-container-"));
    const mounts = Object.entries(volumes).flatMap(([at, from]) => [path.resolve(from), at]);
    const command = [...(entrypoint ?? image.entrypoint), ...(args ?? image.cmd)];
    this.child = spawn(
      "unshare",
      [...namespaces, "sh", "-c", script, "sh", base, path.resolve(tree), image.user, ...mounts, "--", ...command],
      { stdio, env: { ...image.env, ...env, PATH: `${image.env["PATH"]}:/usr/sbin:/bin:/sbin` } },
    );
    this.exited = new Promise((resolve) => {
      this.child.once("close", (code) => {
        fs.rmSync(base, { recursive: true, force: true });
        resolve(code);
      });
    });
  }

  /** Process 1, as this machine numbers it; undefined before it runs or after its end. */
  get pid(): number | undefined {
    const { pid } = this.child;
    if (pid === undefined || this.child.exitCode !== null) return undefined;
    return childrenOf(pid)[0];
  }

  /** Every process in it, as this machine numbers them, process 1 first. */
  get processes(): readonly ContainerProcess[] {
    const seen: ContainerProcess[] = [];
    const walk = (pid: number): void => {
      const found = readProcess(pid);
      if (found === undefined) return;
      seen.push(found);
      childrenOf(pid).forEach(walk);
    };
    if (this.pid !== undefined) walk(this.pid);
    return seen;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) process.kill(this.pid, signal);
  }
}

export interface ContainerProcess {
  readonly pid: number;
  /** One letter; Z is a zombie. */
  readonly state: string;
  /** Processor time that it has taken, its ended children's included. */
  readonly cpuMs: number;
  readonly command: string;
  /** Empty of a zombie. */
  readonly commandLine: readonly string[];
}

function childrenOf(pid: number): number[] {
  try {
    const threads = fs.readdirSync(`/proc/${pid}/task`);
    return threads.flatMap((thread) =>
      fs.readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return []; // it has ended meanwhile
  }
}

function readProcess(pid: number): ContainerProcess | undefined {
  try {
    const [, command = "", rest = ""] = /\((.*)\) (.*)/s.exec(fs.readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    // Source: proc(5); from the third field on. Ticks are hundredths of a second on every Linux that Node runs on.
    const [state = "", ...fields] = rest.split(" ");
    const cpuMs = fields.slice(10, 14).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
    const commandLine = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    return { pid, state, cpuMs, command, commandLine };
  } catch {
    return undefined;
  }
}
