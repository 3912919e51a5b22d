import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { systemClock } from "../../runtime/clock.ts";
import { claimRunDir, recordProcess } from "../../runtime/orphans.ts";
import { systemProcesses } from "../../runtime/processes.ts";
import type { ProcessTable } from "../../runtime/processes.ts";
import { openRunDir } from "../../runtime/run-dir.ts";
import type { RunDirOptions } from "../../runtime/run-dir.ts";
import { isAlive, makeBase } from "./gateway-process.ts";
import { memoryLog } from "./memory-log.ts";

const identity = { adminPort: 8877, configPath: "/conf", ambassadorId: "default" };
let base: string;
beforeEach(() => void (base = makeBase()));
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

function open(options: Partial<RunDirOptions> = {}) {
  return openRunDir({ identity, base, xdgRuntimeDir: undefined, uid: process.getuid?.(), ...options });
}

describe("the run directory", () => {
  it("is the same for the same gateway, another for another, and closed to others", () => {
    const { path: first } = open();
    expect(open().path).toBe(first);
    expect(open({ identity: { ...identity, adminPort: 8878 } }).path).not.toBe(first);
    expect(open({ identity: { ...identity, configPath: "/other" } }).path).not.toBe(first);
    expect(fs.statSync(first).mode & 0o777).toBe(0o700);
  });

  it("is closed when somebody opened it", () => {
    const { path: directory } = open();
    fs.chmodSync(directory, 0o755);
    open();
    expect(fs.statSync(directory).mode & 0o777).toBe(0o700);
  });

  it("is refused when it is a link, a file or another user's", () => {
    const { path: directory } = open();
    expect(() => open({ uid: 12345 })).toThrow(/belongs to another user \(uid \d+\).*--run-dir/);
    fs.rmdirSync(directory);
    fs.symlinkSync(base, directory);
    expect(() => open()).toThrow(/is a symbolic link, so it is not used/);
    fs.rmSync(directory);
    fs.writeFileSync(directory, "");
    expect(() => open()).toThrow(/is not a directory/);
  });

  it("is under XDG_RUNTIME_DIR when that is ours and short, otherwise in /tmp", () => {
    const inXdg = open({ base: undefined, xdgRuntimeDir: base });
    expect(path.dirname(inXdg.path)).toBe(path.join(base, "nuncio"));
    inXdg.remove();
    expect(fs.readdirSync(base)).toEqual([]);
    const long = path.join(base, "x".repeat(90));
    fs.mkdirSync(long);
    const inTmp = open({ base: undefined, xdgRuntimeDir: long });
    expect(path.dirname(inTmp.path)).toBe(`/tmp/nuncio-${process.getuid?.()}`);
    inTmp.remove();
    const absent = open({ base: undefined, xdgRuntimeDir: "/nowhere" });
    expect(absent.path).toBe(inTmp.path);
    absent.remove();
  });

  it("is refused when its sockets' paths would be too long: bytes count, not characters", () => {
    const room = 107 - Buffer.byteLength(`${base}//${"h".repeat(12)}/${"s".repeat(14)}`);
    expect(open({ base: path.join(base, "x".repeat(room)) }).path).toContain("xxx");
    expect(() => open({ base: path.join(base, "x".repeat(room + 1)) })).toThrow(
      /108 bytes, and the system takes 107.*--run-dir/,
    );
    expect(() => open({ base: path.join(base, "ü".repeat(room / 2 + 1)) })).toThrow(/too long/);
  });

  it("is removed though an earlier removal was cut short", () => {
    const runDir = open();
    fs.mkdirSync(`${runDir.path}.gone`);
    fs.writeFileSync(`${runDir.path}.gone/left`, "");
    runDir.remove();
    expect(fs.existsSync(runDir.path)).toBe(false);
    expect(fs.existsSync(`${runDir.path}.gone`)).toBe(false);
  });

  it("that cannot be made says so", () => {
    fs.writeFileSync(path.join(base, "file"), "");
    expect(() => open({ base: path.join(base, "file", "sub") })).toThrow(/cannot make the run directory .*--run-dir/);
  });
});

describe("claiming it", () => {
  const processes = systemProcesses();
  const claim = (options: { pid?: number; processes?: ProcessTable } = {}) => {
    const log = memoryLog();
    const runDir = open();
    const all = { runDir, processes, pid: process.pid, log, clock: systemClock, ...options };
    return claimRunDir(all).then(() => ({ log, runDir }));
  };

  it("clears what a killed gateway left, but not the records", async () => {
    const { runDir } = await claim();
    fs.writeFileSync(runDir.adminSocketPath, "");
    fs.mkdirSync(runDir.file("sub"));
    await claim();
    expect(fs.readdirSync(runDir.path)).toEqual(["supervisor.pid"]);
    runDir.remove();
    expect(fs.readdirSync(base)).toEqual([]);
  });

  it("is refused while the one that has it lives, and not because of a PID that is used again", async () => {
    const other = spawn("sleep", ["60"]);
    await claim({ pid: other.pid ?? 0 });
    await expect(claim()).rejects.toThrow(new RegExp(`already running as PID ${other.pid}`));
    const { runDir } = { runDir: open() };
    fs.writeFileSync(
      runDir.file("supervisor.pid"),
      JSON.stringify({ role: "supervisor", pid: other.pid, startTime: "12" }),
    );
    await claim();
    other.kill("SIGKILL");
  });

  it("goes to one of two that start at once", async () => {
    const others = [spawn("sleep", ["60"]), spawn("sleep", ["60"]), spawn("sleep", ["60"])];
    fs.writeFileSync(open().file("supervisor.pid"), "cut off");
    const results = await Promise.allSettled(others.map((other) => claim({ pid: other.pid ?? 0 })));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const other of others) other.kill("SIGKILL");
  });

  it("ends an orphan that ignores SIGTERM, and leaves alone what has nothing to do with it", async () => {
    const { runDir } = await claim();
    const script = "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)";
    const orphan = spawn(process.execPath, ["-e", script, runDir.path], { stdio: ["ignore", "pipe", "inherit"] });
    const stranger = spawn("sleep", ["60"]);
    await once(orphan.stdout, "data");
    recordProcess({ runDir, processes, log: memoryLog(), role: "envoy", pid: orphan.pid ?? 0 });
    recordProcess({ runDir, processes, log: memoryLog(), role: "control-plane", pid: stranger.pid ?? 0 });
    const { log } = await claim();
    expect(isAlive(orphan.pid ?? 0)).toBe(false);
    expect(isAlive(stranger.pid ?? 0)).toBe(true);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn test: ended what a killed gateway had left behind.*"envoy".*SIGKILL/),
    ]);
    stranger.kill("SIGKILL");
  });

  it("lets a process run that it cannot put on record", async () => {
    const log = memoryLog();
    const nowhere = { file: (name: string) => path.join(base, "not-there", name) };
    recordProcess({ runDir: nowhere, processes, log, role: "envoy", pid: process.pid });
    expect(log.lines).toEqual([expect.stringMatching(/^warn test: a process cannot be put on record .*ENOENT/)]);
  });

  it("without /proc only tells of what may be an orphan", async () => {
    const { runDir } = await claim();
    const maybe = spawn("sleep", ["60"]);
    const blind: ProcessTable = {
      ...processes,
      canVerify: false,
      find: (pid) => processes.find(pid) && { pid, startTime: undefined },
    };
    recordProcess({ runDir, processes: blind, log: memoryLog(), role: "envoy", pid: maybe.pid ?? 0 });
    const { log } = await claim({ processes: blind });
    expect(isAlive(maybe.pid ?? 0)).toBe(true);
    expect(log.lines[0]).toMatch(new RegExp(`kill ${maybe.pid}`));
    maybe.kill("SIGKILL");
  });
});

it("takes an unreaped process for a dead one", async () => {
  const child = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const zombie = Number(line.toString());
  const processes = systemProcesses();
  const until = performance.now() + 5000;
  while (processes.find(zombie) !== undefined && performance.now() < until) await new Promise(setImmediate);
  expect(fs.readFileSync(`/proc/${zombie}/stat`, "utf8")).toMatch(/\) Z /);
  expect(processes.find(zombie)).toBeUndefined();
  child.kill("SIGKILL");
});
