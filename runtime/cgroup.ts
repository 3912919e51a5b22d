import fs from "node:fs";
import path from "node:path";

/** What the container that we run in may use; undefined: as much as the machine has. */
export interface ContainerLimits {
  /** CPUs, such as 1.5. */
  readonly cpus: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** What is read of /proc and /sys; undefined: there is no such file, or it is not ours to read. */
export type ReadFile = (file: string) => string | undefined;

/** Where distributions, container engines and kubelet mount them. */
const mountPoint = "/sys/fs/cgroup";
const v1CpuControllers = ["cpu", "cpu,cpuacct"];

/** Of our control group and of all around it, by cgroup v2 or v1, the lowest limits. */
export function containerLimits(read: ReadFile = readText): ContainerLimits {
  const groups = ownGroups(read("/proc/self/cgroup") ?? "");
  const unified = ancestors(mountPoint, groups.get("") ?? "/");
  const cpu = v1CpuControllers.flatMap((name) => ancestors(path.join(mountPoint, name), groups.get("cpu") ?? "/"));
  const memory = ancestors(path.join(mountPoint, "memory"), groups.get("memory") ?? "/");
  return {
    cpus: lowest([
      ...unified.map((folder) => cpusOf(read(`${folder}/cpu.max`))),
      ...cpu.map((folder) => quotaOf(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`))),
    ]),
    memoryBytes: lowest([
      ...unified.map((folder) => bytesOf(read(`${folder}/memory.max`))),
      ...memory.map((folder) => bytesOf(read(`${folder}/memory.limit_in_bytes`))),
    ]),
  };
}

/** Files that one process may have open; undefined: any number. Node takes the hard limit as its own, and its children inherit that. */
export function openFilesLimit(read: ReadFile = readText): number | undefined {
  const soft = /^Max open files +(\S+)/m.exec(read("/proc/self/limits") ?? "")?.[1];
  return soft !== undefined && /^\d+$/.test(soft) ? Number(soft) : undefined;
}

/** Lines such as `0::/kubepods/pod1` of v2 and `3:cpu,cpuacct:/kubepods/pod1` of v1, by controller; that of v2 has no name. */
function ownGroups(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
      if (controllers === undefined || group === undefined) return [];
      return controllers.split(",").map((controller) => [controller, group]);
    }),
  );
}

/** Inside of a container the mount point may be our own group while its path is still told as the machine sees it: folders that
 *  are not there have no files, and what is above them counts all the same. */
function ancestors(mount: string, group: string): string[] {
  const folders = [mount];
  for (let folder = path.resolve(mount, `.${group}`); folder.startsWith(`${mount}/`); folder = path.dirname(folder))
    folders.push(folder);
  return folders;
}

/** `150000 100000`, or `max 100000`. */
function cpusOf(text: string | undefined): number | undefined {
  const [quota, period] = text?.trim().split(" ") ?? [];
  return quotaOf(quota, period);
}

/** Microseconds of CPU in each period of so many microseconds; -1 or `max`: no limit. */
function quotaOf(quotaText: string | undefined, periodText: string | undefined): number | undefined {
  const quota = positive(quotaText);
  const period = positive(periodText);
  return quota === undefined || period === undefined ? undefined : quota / period;
}

/** v1 says "no limit" as the largest multiple of the page size below 2^63. */
function bytesOf(text: string | undefined): number | undefined {
  const bytes = positive(text);
  return bytes === undefined || bytes > Number.MAX_SAFE_INTEGER ? undefined : bytes;
}

function positive(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) && Number(trimmed) > 0 ? Number(trimmed) : undefined;
}

function lowest(limits: readonly (number | undefined)[]): number | undefined {
  const known = limits.filter((limit) => limit !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
