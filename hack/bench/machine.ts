/** What the machine and its processes say of themselves: /proc of Linux. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import { envoyVersion } from "../paths.mjs";
import { rounded } from "./statistics.ts";

export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memoryGib: number;
  readonly kernel: string;
}

export function machine(): Machine {
  const cpus = os.cpus();
  return {
    cpus: cpus.length,
    model: cpus[0]?.model.trim() ?? "unknown",
    memoryGib: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
  };
}

export interface Versions {
  readonly nuncio: string;
  readonly node: string;
  readonly envoy: string;
}

export function versions(bundle: string): Versions {
  const { stdout } = spawnSync(process.execPath, [bundle, "--version"], { encoding: "utf8" });
  return { nuncio: stdout.trim(), node: process.version, envoy: envoyVersion };
}

/** Over 1, 5 and 15 minutes. */
export function loadAverage(): readonly number[] {
  return os.loadavg().map((value) => Math.round(value * 100) / 100);
}

export interface CpuTime {
  /** Milliseconds on a CPU of all threads that live. */
  readonly all: number;
  /** Of the first thread: in Envoy the one that takes in configuration, while others serve requests. */
  readonly main: number;
}

/** From schedstat, to the nanosecond; where the kernel has none, from stat, to 10 ms. Zeros for a process that has ended. */
export function cpuTime(pid: number): CpuTime {
  let all = 0;
  let main = 0;
  try {
    for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
      const time = threadTime(`/proc/${pid}/task/${thread}`);
      all += time;
      if (thread === String(pid)) main = time;
    }
  } catch {
    // it has just ended
  }
  return { all, main };
}

function threadTime(directory: string): number {
  try {
    return Number(fs.readFileSync(`${directory}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    const fields = fs
      .readFileSync(`${directory}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
}

export interface Memory {
  readonly rssMb: number;
  /** The most it ever was. */
  readonly peakMb: number;
}

export function memory(pid: number): Memory {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (field: string) =>
    rounded(Math.round((Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024) * 10) / 10);
  return { rssMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM") };
}

export function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}
