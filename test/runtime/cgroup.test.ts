import { describe, expect, it } from "@jest/globals";
import { containerLimits, openFilesLimit } from "../../runtime/cgroup.ts";
import { envoyLimits, sayLimits } from "../../runtime/envoy-limits.ts";
import { readSettings } from "../../runtime/settings.ts";
import { memoryLog } from "./memory-log.ts";

const MiB = 1024 * 1024;
const none = { cpus: undefined, memoryBytes: undefined };

const limitsIn = (files: Readonly<Record<string, string>>) => containerLimits((file) => files[file]);

describe("the container's limits", () => {
  it("are read by cgroup v2, where the container sees its own group as the root", () => {
    const files = { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n" };
    expect(limitsIn({ ...files, "/sys/fs/cgroup/memory.max": "536870912\n" })).toEqual({
      cpus: 1.5,
      memoryBytes: 512 * MiB,
    });
    expect(
      limitsIn({ ...files, "/sys/fs/cgroup/cpu.max": "max 100000\n", "/sys/fs/cgroup/memory.max": "max\n" }),
    ).toEqual(none);
  });

  it("are the lowest of the own group and of those around it", () => {
    const own = "/sys/fs/cgroup/kubepods/pod1/container1";
    expect(
      limitsIn({
        "/proc/self/cgroup": "0::/kubepods/pod1/container1\n",
        [`${own}/cpu.max`]: "400000 100000\n",
        [`${own}/memory.max`]: `${512 * MiB}\n`,
        "/sys/fs/cgroup/kubepods/pod1/cpu.max": "200000 100000\n",
        "/sys/fs/cgroup/kubepods/memory.max": `${4096 * MiB}\n`,
      }),
    ).toEqual({ cpus: 2, memoryBytes: 512 * MiB });
  });

  it("are read by cgroup v1, and its largest number is no limit", () => {
    const groups = { "/proc/self/cgroup": "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n" };
    expect(
      limitsIn({
        ...groups,
        "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": `${256 * MiB}\n`,
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us": "50000\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000\n",
      }),
    ).toEqual({ cpus: 0.5, memoryBytes: 256 * MiB });
    expect(
      limitsIn({
        ...groups,
        "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
      }),
    ).toEqual(none);
  });

  it("are found by cgroup v1 where the path is the machine's and the mount point is the container's own group", () => {
    expect(
      limitsIn({
        "/proc/self/cgroup": "4:memory:/kubepods/pod1/container1\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${256 * MiB}\n`,
      }),
    ).toEqual({ cpus: undefined, memoryBytes: 256 * MiB });
  });

  it("are none where there is nothing to read, or nothing that can be understood", () => {
    expect(limitsIn({})).toEqual(none);
    const odd = { "/proc/self/cgroup": "what\n0::../..\n", "/sys/fs/cgroup/cpu.max": "0 0\n" };
    expect(limitsIn({ ...odd, "/sys/fs/cgroup/memory.max": "lots\n" })).toEqual(none);
  });

  it("can be read of this very process", () => {
    const { cpus, memoryBytes } = containerLimits();
    expect(cpus ?? 1).toBeGreaterThan(0);
    expect(memoryBytes ?? MiB).toBeGreaterThanOrEqual(MiB);
    expect(openFilesLimit()).toBeGreaterThan(2);
  });

  it("of open files may be any number", () => {
    const line = (soft: string) => () =>
      `Max processes  1  1  processes\nMax open files            ${soft}    4096    files\n`;
    expect(openFilesLimit(line("1024"))).toBe(1024);
    expect(openFilesLimit(line("unlimited"))).toBeUndefined();
  });
});

describe("the limits of Envoy", () => {
  const unset = readSettings({}, {}).settings;

  it("are Envoy's own where nothing is known, but for connections", () => {
    expect(envoyLimits(unset, none, 1_048_576)).toEqual({
      concurrency: undefined,
      maxHeapBytes: undefined,
      maxConnections: 50_000,
    });
  });

  it.each([
    [0.2, 1],
    [1, 1],
    [1.5, 2],
    [4, 4],
  ])("with %s CPUs are %s workers", (cpus, workers) => {
    expect(envoyLimits(unset, { cpus, memoryBytes: undefined }, 100).concurrency).toBe(workers);
  });

  it.each([
    [256, 102],
    [400, 160],
    [600, 240],
    [1024, 624],
    [4096, 3072],
  ])("leave room for Node: of %s MiB the heap has %s", (limit, heap) => {
    const { maxHeapBytes = 0 } = envoyLimits(unset, { ...none, memoryBytes: limit * MiB }, 100);
    expect(Math.floor(maxHeapBytes / MiB)).toBe(heap);
  });

  it("are half of the files that may be open, where those are few", () => {
    expect(envoyLimits(unset, none, 1024).maxConnections).toBe(512);
    expect(envoyLimits(unset, none, undefined).maxConnections).toBe(50_000);
  });

  it("are what people set, and 0 is none", () => {
    const set = { ENVOY_CONCURRENCY: "3", NUNCIO_ENVOY_MAX_HEAP_MIB: "100", NUNCIO_MAX_CONNECTIONS: "10" };
    const container = { cpus: 8, memoryBytes: 1024 * MiB };
    const settings = (env: Readonly<Record<string, string>>) => readSettings({}, env).settings;

    expect(envoyLimits(settings(set), container, 100)).toEqual({
      concurrency: 3,
      maxHeapBytes: 100 * MiB,
      maxConnections: 10,
    });
    const off = { NUNCIO_ENVOY_MAX_HEAP_MIB: "0", NUNCIO_MAX_CONNECTIONS: "0" };
    expect(envoyLimits(settings(off), container, 100)).toEqual({
      concurrency: 8,
      maxHeapBytes: undefined,
      maxConnections: undefined,
    });
  });

  it("are told at the start, and that there is none", () => {
    const log = memoryLog("supervisor");
    sayLimits({ concurrency: 2, maxHeapBytes: 300 * MiB, maxConnections: 10 }, log);
    sayLimits({ concurrency: undefined, maxHeapBytes: undefined, maxConnections: undefined }, log);
    expect(log.lines).toEqual([
      expect.stringMatching(/limits of Envoy.*2.*300.*10/),
      expect.stringMatching(/no memory limit is known, see NUNCIO_ENVOY_MAX_HEAP_MIB/),
    ]);
  });
});
