import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { root } from "../../hack/paths.mjs";
import { DemoProcess, type DemoOptions } from "./demo-process.ts";

async function outcome(options: DemoOptions) {
  const demo = new DemoProcess(options);
  const code = await demo.exited;
  return { code, output: demo.output };
}

describe("the demo's command line", () => {
  it("is told with --help", async () => {
    const { code, output } = await outcome({ args: ["--help"] });
    expect(code).toBe(0);
    expect(output).toMatch(/^usage: npm run demo \[-- --cluster\]\n/);
    expect((await outcome({ args: ["-h"] })).output).toBe(output);
  });

  it.each([
    [["--clutser"], "demo: Unknown option '--clutser'\n"],
    [["--kubeconfig", "/nowhere"], "demo: Unknown option '--kubeconfig'\n"],
    [["cluster"], "demo: Unexpected argument 'cluster'\n"],
  ])("%j: one line, the usage, exit code 2, and nothing is started", async (args, line) => {
    const { code, output } = await outcome({ args });
    expect(code).toBe(2);
    expect(output.startsWith(`${line}\nusage: npm run demo`)).toBe(true);
    expect(output).not.toContain("sample services:");
  });
});

describe("the demo in a checkout", () => {
  let base: string;
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-checkout-"));
    for (const part of ["hack", "test/cluster", "test/support", "cli", "examples", "package.json"])
      fs.cpSync(path.join(root, part), path.join(base, part), { recursive: true });
  });
  afterEach(() => fs.rmSync(base, { recursive: true }));

  it("that has not been set up says what to run", async () => {
    for (const args of [[], ["--cluster"]]) {
      expect(await outcome({ base, args })).toEqual({
        code: 1,
        output: "demo: dist/nuncio.js is missing; run `npm run setup`\n",
      });
    }
  });

  it("that has neither Go nor a cluster built says what is missing, and leaves nothing", async () => {
    for (const part of ["dist", "node_modules", ".cache/envoy"]) {
      fs.mkdirSync(path.dirname(path.join(base, part)), { recursive: true });
      fs.symlinkSync(path.join(root, part), path.join(base, part));
    }
    const temporary = path.join(base, "t");
    fs.mkdirSync(temporary);
    const { code, output } = await outcome({ base, args: ["--cluster"], env: { PATH: base, TMPDIR: temporary } });
    expect(code).toBe(1);
    expect(output).toMatch(
      /^demo: there is no Kubernetes API server to start: go cannot be run \(not found on the PATH\)\. Install Go [\d.]+ or newer/m,
    );
    expect(output).toMatch(/\nWithout --cluster the demo needs neither\.\n$/);
    expect(fs.readdirSync(temporary)).toEqual([]);
  });
});
