import fs from "node:fs";

/** Ends what a killed gateway leaves running, known by the directory in its command line: a Pod's end takes all of its processes. */
export function killRemains(runDir: string): void {
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${runDir}/`)) process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}
