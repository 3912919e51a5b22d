import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { root } from "../../hack/paths.mjs";
import { isAlive } from "../e2e/support/gateway.ts";
import { eventually } from "../support/eventually.ts";
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

  const setUp = (): void => {
    for (const part of ["dist", "node_modules", ".cache/envoy"]) {
      fs.mkdirSync(path.dirname(path.join(base, part)), { recursive: true });
      fs.symlinkSync(path.join(root, part), path.join(base, part));
    }
  };

  it("that has neither Go nor a cluster built says what is missing, and leaves nothing", async () => {
    setUp();
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

  it("that is told to end while it builds the cluster ends Go, and leaves nothing", async () => {
    setUp();
    // As much of Go as the build can see: a version, and minutes of work with temporary files.
    const go = '#!/bin/sh\n[ "$1" = env ] && echo go1.99.0 && exit\necho $$ > "$GOTMPDIR/pid"\nexec sleep 600\n';
    fs.writeFileSync(path.join(base, "go"), go, { mode: 0o755 });
    const demo = new DemoProcess({ base, args: ["--cluster"], env: { PATH: `${base}:${process.env["PATH"]}` } });
    try {
      await demo.printed(/^demo: building the test cluster .*: about 4 minutes the first time/m);
      const pid = await eventually("go runs", () => {
        const file = path.join(demo.directory, "go/pid");
        return fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) : undefined;
      });
      expect(isAlive(pid)).toBe(true);
      demo.signal("SIGINT");
      expect(await demo.exited).toBe(0);
      expect(demo.output).toMatch(/\ndemo: stopping \.\.\.\ndemo: stopped; nothing is left\n$/);
      expect(isAlive(pid)).toBe(false);
      expect(fs.existsSync(demo.directory)).toBe(false);
      expect(fs.readdirSync(path.join(base, ".cache/testcluster"))).toEqual([]);
    } finally {
      await demo.end();
    }
  });
});
