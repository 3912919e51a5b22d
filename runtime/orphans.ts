import fs from "node:fs";
import { sleep } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { errorCode, errorText, FatalError } from "./fatal.ts";
import type { Log } from "./log.ts";
import type { ProcessIdentity, ProcessTable } from "./processes.ts";
import type { RunDir } from "./run-dir.ts";

/** A supervisor that is killed with -9 cannot end its children. Each process of a gateway is on record in the run directory, so that
 *  the next start of the same gateway can tell a live one from remains, and end those. */

export type Role = "supervisor" | "envoy" | "control-plane" | "validator";

interface PidRecord extends ProcessIdentity {
  readonly role: Role;
}

export interface OrphanOptions {
  readonly runDir: RunDir;
  readonly processes: ProcessTable;
  /** Of this process: the supervisor that starts. */
  readonly pid: number;
  readonly log: Log;
  readonly clock: Clock;
}

const recordName = (role: Role) => `${role}.pid`;
const termGraceMs = 2000;
const killGraceMs = 2000;

/** Makes the run directory this supervisor's own. A FatalError when another one that lives has it; what a dead one left is ended. */
export async function claimRunDir(options: OrphanOptions): Promise<void> {
  const { runDir, processes } = options;
  takeSupervisorRecord(options);
  for (const role of ["envoy", "control-plane", "validator"] as const) {
    const record = readRecord(runDir.file(recordName(role)));
    if (record !== undefined) await endOrphan(record, options);
  }
  runDir.clear(recordName("supervisor"));
  if (!processes.canVerify) {
    options.log.info(
      "this system has no /proc: processes that a killed gateway left behind are not found at the next start",
    );
  }
}

export interface RecordOptions extends Pick<OrphanOptions, "processes" | "log"> {
  readonly runDir: Pick<RunDir, "file">;
  readonly role: Role;
  readonly pid: number;
}

/** Puts a child on record, at once after it was started. Where that cannot be written (a full disk) the child runs all the same: a
 *  record is for the next start after a kill, and its lack no reason to end a gateway that serves. */
export function recordProcess({ runDir, processes, log, role, pid }: RecordOptions): void {
  const record: PidRecord = { role, pid, startTime: processes.find(pid)?.startTime };
  try {
    fs.writeFileSync(runDir.file(recordName(role)), JSON.stringify(record), { mode: 0o600 });
  } catch (error) {
    log.warn("a process cannot be put on record", { role, pid, reason: errorText(error) });
  }
}

/** Writes the supervisor's record where there is none, atomically: of two that start at once, one gets it. */
function takeSupervisorRecord({ runDir, processes, pid }: OrphanOptions): void {
  const file = runDir.file(recordName("supervisor"));
  const own = runDir.file(`${recordName("supervisor")}.${pid}`);
  const record: PidRecord = { role: "supervisor", pid, startTime: processes.find(pid)?.startTime };
  try {
    for (let attempt = 1; attempt <= 10; attempt++) {
      // A gateway that is just leaving may take the directory away under us.
      fs.mkdirSync(runDir.path, { recursive: true, mode: 0o700 });
      if (!writeIfThere(own, JSON.stringify(record))) continue;
      if (linkIfFree(own, file)) return;
      const holder = readRecord(file);
      // A holder with our own PID lived in an earlier container.
      if (holder !== undefined && holder.pid !== pid && isAlive(holder, processes))
        throw alreadyRunning(holder, runDir, processes);
      removeStale(file, holder, pid);
    }
    throw new FatalError(`several gateways are starting in ${runDir.path} at once; start one at a time`);
  } finally {
    fs.rmSync(own, { force: true });
  }
}

function alreadyRunning({ pid }: PidRecord, runDir: RunDir, { canVerify }: ProcessTable): FatalError {
  const unless = canVerify ? "" : `; if PID ${pid} is no gateway, remove ${runDir.path}`;
  return new FatalError(
    `this gateway is already running as PID ${pid} (the same --config, --admin-port and AMBASSADOR_ID); stop it with ` +
      `"kill ${pid}", or choose another --admin-port to run a second one beside it${unless}`,
  );
}

/** False when the directory is not there. */
function writeIfThere(file: string, text: string): boolean {
  try {
    fs.writeFileSync(file, text, { mode: 0o600 });
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** False when the name is taken, or the directory is not there any more. */
function linkIfFree(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST" || errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Moves the record aside first: between reading and removing it, another supervisor may have put its own there. */
function removeStale(file: string, seen: PidRecord | undefined, ownPid: number): void {
  const aside = `${file}.stale.${ownPid}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  const moved = readRecord(aside);
  const isTheOneSeen = moved?.pid === seen?.pid && moved?.startTime === seen?.startTime;
  if (!isTheOneSeen) linkIfFree(aside, file);
  fs.rmSync(aside, { force: true });
}

function readRecord(file: string): PidRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined; // none, or one whose writer was killed in the middle
  }
  if (typeof value !== "object" || value === null || !("pid" in value) || !("role" in value)) return undefined;
  const { pid, role } = value;
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid < 1) return undefined;
  if (role !== "supervisor" && role !== "envoy" && role !== "control-plane" && role !== "validator") return undefined;
  const startTime = "startTime" in value && typeof value.startTime === "string" ? value.startTime : undefined;
  return { pid, role, startTime };
}

function isAlive(record: PidRecord, processes: ProcessTable): boolean {
  const found = processes.find(record.pid);
  return found !== undefined && found.startTime === record.startTime;
}

async function endOrphan(record: PidRecord, { runDir, processes, log, clock }: OrphanOptions): Promise<void> {
  const { pid, role } = record;
  if (pid === 1 || !isAlive(record, processes)) return;
  if (!processes.canVerify) {
    log.warn(
      `PID ${pid} may be an ${role} left behind by a gateway that was killed; if it is, end it with "kill ${pid}"`,
    );
    return;
  }
  // The path is unique to this gateway and is among the arguments of both children.
  if (!processes.commandLine(pid).includes(runDir.path)) return;
  const waitUntilGone = async (graceMs: number) => {
    const until = clock.now() + graceMs;
    while (isAlive(record, processes) && clock.now() < until) await sleep(clock, 10);
    return !isAlive(record, processes);
  };
  processes.signal(pid, "SIGTERM");
  let gone = await waitUntilGone(termGraceMs);
  const by = gone ? "SIGTERM" : "SIGKILL";
  if (!gone) {
    processes.signal(pid, "SIGKILL");
    gone = await waitUntilGone(killGraceMs);
  }
  if (!gone)
    throw new FatalError(
      `an ${role} left behind by a gateway that was killed does not end; end PID ${pid} and start again`,
    );
  log.warn(`ended what a killed gateway had left behind`, { role, pid, by });
}
