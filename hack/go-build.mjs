// Builds programs from a Go module of this repository into .cache, once for each version of their source.
// Set-up runs before node_modules exists, so: plain JavaScript for Node 20, no dependencies.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const caches = join(dirname(fileURLToPath(import.meta.url)), "..", ".cache");

/** The folder with the programs, built first if this version of them is not there yet. Several processes may call this at the same
 *  time: one builds. Throws an Error named `GoMissing` when Go is absent or older than go.mod asks for, any other Error when the
 *  build fails.
 *  @param name of its folder in .cache
 *  @param title for people, with how long it takes
 *  @param source the folder of the module
 *  @param files what of it decides the version; go.sum does not: go.mod alone decides, go.sum only refuses tampered ones
 *  @param log gets progress lines */
export async function ensureGoBuild({ name, title, source, files, packages, linkerFlags, log }) {
  const cache = join(caches, name);
  const folder = join(cache, `${name}-${hashOf(source, files)}`);
  if (existsSync(folder)) return folder;
  await requireGo(source, name);
  mkdirSync(cache, { recursive: true });
  const lock = `${folder}.lock`;
  await acquire(lock, name, log);
  try {
    if (!existsSync(folder)) await build({ name, title, source, packages, linkerFlags, log, cache, folder });
  } finally {
    rmSync(lock, { force: true });
  }
  return folder;
}

/** `["v1.36.3", "1", "36"]`: what go.mod says of a module. */
export function moduleVersion(source, module) {
  const pattern = `^\\s*${module.replaceAll(".", "\\.")} (v(\\d+)\\.(\\d+)\\.\\S+)( // indirect)?$`;
  const found = new RegExp(pattern, "m").exec(goModOf(source));
  if (found === null) throw new Error(`${join(source, "go.mod")} names no version of ${module}`);
  return found.slice(1, 4);
}

function goModOf(source) {
  return readFileSync(join(source, "go.mod"), "utf8");
}

function hashOf(source, files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(source, file))).update("\0");
  return hash.digest("hex").slice(0, 12);
}

async function requireGo(source, name) {
  const wanted = /^go (\S+)$/m.exec(goModOf(source))?.[1] ?? "";
  const wayOut = `Install Go ${wanted} or newer and have it on the PATH: ${name} is built from source.`;
  let found;
  try {
    // Outside the module and with GOTOOLCHAIN=local, or an old Go answers with an error or downloads a newer one.
    const { stdout } = await promisify(execFile)("go", ["env", "GOVERSION"], {
      cwd: tmpdir(),
      env: { ...process.env, GOTOOLCHAIN: "local" },
    });
    found = stdout.trim();
  } catch (error) {
    throw goMissing(
      `go cannot be run (${error.code === "ENOENT" ? "not found on the PATH" : error.message}). ${wayOut}`,
    );
  }
  if (compareVersions(found.replace(/^go/, ""), wanted) < 0) throw goMissing(`${found} is too old. ${wayOut}`);
}

function goMissing(message) {
  return Object.assign(new Error(message), { name: "GoMissing" });
}

// A development version ("devel go1.27-...") has no leading number: it is taken as new enough.
function compareVersions(found, wanted) {
  if (!/^\d/.test(found)) return 0;
  const [a, b] = [found, wanted].map((version) => version.split(".").map((part) => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

// The lock holds its owner's process id, so that a build that was killed does not block the next one.
async function acquire(lock, name, log) {
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const owner = readOwner(lock);
    if (owner !== undefined && !isAlive(owner)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!told) log(`process ${owner ?? "?"} is building ${name} already: waiting for it`);
    told = true;
    await delay(500);
  }
}

// Undefined while the owner has created the file but not yet written its id, or has just removed it.
function readOwner(lock) {
  try {
    return Number.parseInt(readFileSync(lock, "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

async function build({ name, title, source, packages, linkerFlags, log, cache, folder }) {
  log(`building ${title} ...`);
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const ticker = setInterval(() => log(`  still building ${name} (${seconds()})`), 30_000);
  const partial = `${folder}.${process.pid}.partial`;
  try {
    mkdirSync(partial);
    const flags = ["-trimpath", "-buildvcs=false", "-ldflags", linkerFlags.join(" ")];
    await runGo(["build", ...flags, "-o", `${partial}/`, ...packages], source);
    renameSync(partial, folder); // whoever sees the folder sees all of it
  } finally {
    clearInterval(ticker);
    rmSync(partial, { recursive: true, force: true });
  }
  removeOthers(cache, folder);
  log(`built ${name} in ${seconds()}`);
}

function runGo(args, source) {
  return new Promise((resolve, reject) => {
    // By the command, not os.setPriority: on Linux that reaches one thread of Go, and compilers start from others.
    const go = spawn("nice", ["-n", "10", "go", ...args], {
      cwd: source,
      env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    go.stderr.setEncoding("utf8").on("data", (chunk) => (output = (output + chunk).slice(-4000)));
    go.on("error", reject);
    go.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`go build of ${source} failed (exit code ${code}):\n${output.trim()}`));
    });
  });
}

// They are large: what earlier versions of the source were built to, and what killed builds of this one left.
function removeOthers(cache, folder) {
  for (const entry of readdirSync(cache)) {
    const path = join(cache, entry);
    const isOlder = /-[0-9a-f]{12}$/.test(entry) && path !== folder;
    const isLeftover = path.startsWith(`${folder}.`) && entry.endsWith(".partial");
    if (isOlder || isLeftover) rmSync(path, { recursive: true, force: true });
  }
}
