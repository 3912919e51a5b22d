// `npm test`: every test, with one closing line. A part that is missing here is named, and fails only where CI=true.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "./paths.mjs";

interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly numRuntimeErrorTestSuites: number;
}

const isCi = process.env["CI"] === "true";

function hasGo(): boolean {
  return spawnSync("go", ["version"]).status === 0;
}

function main(): number {
  if (!hasGo()) {
    console.error(
      "npm test: no Go here, so the tests against a real kube-apiserver are skipped (install Go to run them)",
    );
    if (isCi) console.error("npm test: with CI=true that is a failure");
  }
  const report = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-jest-")), "report.json");
  const jest = path.join(root, "node_modules/jest/bin/jest.js");
  const { status } = spawnSync(
    process.execPath,
    [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      jest,
      "--json",
      `--outputFile=${report}`,
      ...process.argv.slice(2),
    ],
    { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
  );
  if (!fs.existsSync(report)) return 1;
  const result = JSON.parse(fs.readFileSync(report, "utf8")) as JestResult;
  const skipped = result.numPendingTests;
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites + (isCi && !hasGo() ? 1 : 0);
  console.log(`${result.numPassedTests} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  return failed === 0 && status === 0 ? 0 : 1;
}

process.exitCode = main();
