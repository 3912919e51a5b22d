import fs from "node:fs";
import path from "node:path";
import { errorCode } from "./fatal.ts";

/** What a PID means. PIDs are used again; a PID with its start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, from /proc/PID/stat; undefined where there is no /proc. */
  readonly startTime: string | undefined;
}

/** The system's view of processes, so that what is done with it can be tested without other people's. */
export interface ProcessTable {
  /** False where there is no /proc (macOS): then a PID can only be said to exist, not to be the one that was recorded. */
  readonly canVerify: boolean;
  /** Undefined when there is no such process, or only its unreaped remains. */
  find(pid: number): ProcessIdentity | undefined;
  /** The command line, arguments separated by spaces; "" when it cannot be read. */
  commandLine(pid: number): string;
  /** Says whether the process was there to be signalled. */
  signal(pid: number, signal: NodeJS.Signals): boolean;
}

export function systemProcesses(procDir = "/proc"): ProcessTable {
  const canVerify = fs.existsSync(path.join(procDir, "self", "stat"));
  return {
    canVerify,
    find: (pid) => (canVerify ? findInProc(procDir, pid) : exists(pid) ? { pid, startTime: undefined } : undefined),
    commandLine(pid) {
      return (readIfThere(path.join(procDir, String(pid), "cmdline")) ?? "").replaceAll("\0", " ").trim();
    },
    signal(pid, signal) {
      try {
        return process.kill(pid, signal);
      } catch {
        return false;
      }
    },
  };
}

function findInProc(procDir: string, pid: number): ProcessIdentity | undefined {
  const stat = readIfThere(path.join(procDir, String(pid), "stat"));
  if (stat === undefined) return undefined;
  // `PID (name) STATE ...`: the name may hold spaces and parentheses. Start time is field 22, state field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  return state === "Z" || state === "X" ? undefined : { pid, startTime };
}

function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined; // the process has ended, or is not ours to read
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
