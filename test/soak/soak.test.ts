import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Report } from "../../hack/soak/report.ts";
import { systemProcesses } from "../../runtime/processes.ts";
import { type Bundle, installBundle } from "../e2e/support/bundle.ts";
import { eventually } from "../support/eventually.ts";

const patient = { timeoutMs: 200_000 };

let bundle: Bundle;
let directory: string;

beforeAll(async () => {
  bundle = await installBundle();
  directory = mkdtempSync(join(tmpdir(), "nuncio-soak-test-"));
}, 60_000);

afterAll(() => {
  bundle?.remove();
  rmSync(directory, { recursive: true, force: true });
});

function start(...args: readonly string[]) {
  const jsonFile = join(directory, `${args.join("-")}.json`);
  const own = ["--bundle", bundle.program, "--json", jsonFile, "--cycle-seconds", "0"];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "hack/soak.ts", ...own, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = (async () => {
    const [code] = (await once(child, "exit")) as [number | null];
    const report = JSON.parse(readFileSync(jsonFile, "utf8")) as Report;
    return { code, reasons: report.verdict.reasons, report, said };
  })();
  return { child, ended, said: () => said };
}

/** Processes that this text is part of the command line of. */
function processesWith(text: string): readonly number[] {
  const processes = systemProcesses();
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => processes.commandLine(pid).includes(text));
}

// The whole one is `npm run soak`; what a few cycles cannot show, memory, is not judged in them.
describe("a soak of a few cycles", () => {
  it("finds nothing that grew when Ctrl-C ends it: no listener, no cluster, no descriptor, no request lost; and leaves nothing", async () => {
    // Tells of each third cycle.
    const { child, ended, said } = start("--minutes", "3");
    const [, serves = ""] = await eventually(
      "the gateway",
      () => /a gateway serves (\S+\/manifests);/.exec(said()),
      patient,
    );
    expect(processesWith(serves)).not.toEqual([]);
    await eventually("four cycles", () => said().includes(" s, cycle 3: "), patient);
    child.kill("SIGINT");
    const { code, reasons, report, said: all } = await ended;
    expect([reasons, code]).toEqual([[], 0]);
    expect(all).toMatch(/verdict: flat\n$/);
    for (const [stream, count] of Object.entries(report.outcome.traffic.requests))
      expect([stream, count > 0]).toEqual([stream, true]);
    expect(Object.keys(report.outcome.samples[0]?.processes ?? {})).toHaveLength(4);
    expect(existsSync(serves)).toBe(false);
    expect(processesWith(serves)).toEqual([]);
  }, 300_000);

  it("finds what is lost on purpose", async () => {
    const { code, reasons } = await start("--cycles", "3", "--leak", "objects,connections,requests").ended;
    expect(code).toBe(1);
    for (const what of [
      /^clusters grew/,
      /^listeners grew/,
      /^routes grew/,
      /^objects grew/,
      /^descriptors of Envoy grew/,
      /^connections of clients grew/,
    ])
      expect(reasons).toContainEqual(expect.stringMatching(what));
    expect(reasons).toContainEqual(expect.stringMatching(/requests lost$/));
  }, 240_000);
});
