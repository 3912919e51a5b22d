// `npm test`: every test, with one closing line. A part that is missing here is named, and fails only where CI=true.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ensureHelm } from "./helm/build.mjs";
import { root } from "./paths.mjs";
import { ensureTestcluster } from "./testcluster/build.mjs";

interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly numRuntimeErrorTestSuites: number;
}

const isCi = process.env["CI"] === "true";

/** Builds the test cluster, and helm. Here and not in the first test that needs it: on a fresh machine it takes minutes, and says so. */
async function hasCluster(): Promise<boolean> {
  try {
    const log = (line: string): void => console.error(`npm test: ${line}`);
    await ensureTestcluster({ log });
    await ensureHelm({ log });
    return true;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "GoMissing") throw error;
    console.error(`npm test: ${error.message}; the tests against a real kube-apiserver are skipped`);
    if (isCi) console.error("npm test: with CI=true that is a failure");
    return false;
  }
}

async function main(): Promise<number> {
  const cluster = await hasCluster();
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
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites + (isCi && !cluster ? 1 : 0);
  console.log(`${result.numPassedTests} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  return failed === 0 && status === 0 ? 0 : 1;
}

process.exitCode = await main();
