import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { root } from "../../hack/paths.mjs";
import { clusterAvailable } from "../cluster/available.ts";
import { DemoProcess, hold } from "../demo/demo-process.ts";
import { isAs, stepsOf } from "./console.ts";

const page = fs.readFileSync(path.join(root, "docs/tour.md"), "utf8");
const steps = stepsOf(page);

describe("an output as a page has it", () => {
  it.each([
    ["a\nb", "a\nb\n", true],
    ["a\nb", "a\nc\n", false],
    ["a ... d", "a b c d\n", true],
    ["a ... d", "a b c\n", false],
    ["...\nb", "x\ny\nb\n", true],
    ["...\nb", "b\n", true],
    ["...\nb", "x\nc\n", false],
    ["NAME  AGE", "NAME      AGE\n", true],
    ["200", "404\n", false],
    ["", "", true],
    ["", "x\n", false],
  ])("%j of %j: %s", (expected, output, is) => {
    expect(isAs(expected, output)).toBe(is);
  });
});

(clusterAvailable ? describe : describe.skip)("docs/tour.md", () => {
  const demo: { process?: DemoProcess } = {};

  beforeAll(async () => {
    // Ports of its own: another test's demo may look for the usual ones at the same moment, and find them free as this one does.
    const held = await Promise.all([8080, 8877, 8878, 9443].map((port) => hold(port)));
    try {
      demo.process = new DemoProcess({ args: ["--cluster"] });
      await demo.process.ready(120_000);
    } finally {
      for (const server of held) server?.close();
    }
  }, 150_000);

  afterAll(() => demo.process?.end(), 60_000);

  it("has a command for each thing that it tells of", () => {
    expect(steps.length).toBeGreaterThan(20);
  });

  it.each(steps.map((step) => [step.command, step] as const))(
    "%s",
    async (_, { command, expected, line }) => {
      const output = await printed(command, demo.process?.directory ?? "");
      if (!isAs(expected, output))
        throw new Error(`docs/tour.md:${line} has another output than\n${output}\nfor ${command}`);
    },
    90_000,
  );
});

/** What a person sees of it: both outputs, in a shell that has sourced what the demo says. */
function printed(command: string, directory: string): Promise<string> {
  const child = spawn("bash", ["-c", `. '${directory}/env'; ${command}`], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, no_proxy: "*", NO_COLOR: "1" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(output));
  });
}
