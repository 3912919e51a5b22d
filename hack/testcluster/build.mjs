// Builds the test cluster's one binary (etcd, kube-apiserver, kubectl) from this folder's Go module.
// Set-up runs before node_modules exists, so: plain JavaScript for Node 20, no dependencies.
//   node hack/testcluster/build.mjs     prints the binary's path; progress goes to standard error
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const source = dirname(fileURLToPath(import.meta.url));
const cache = join(source, "..", "..", ".cache", "testcluster");
const goMod = readFileSync(join(source, "go.mod"), "utf8");
const exitCodeGoMissing = 3;

/** Path of the binary, built first if this version of it is not there yet (about 4 minutes on 2 cores, then at once).
 *  `log` gets progress lines, by default on standard error. Several processes may call this at the same time: one builds.
 *  Throws an Error named `GoMissing` when Go is absent or older than go.mod asks for, any other Error when the build fails. */
export async function ensureTestcluster({ log = (line) => console.error(line) } = {}) {
  const binary = join(cache, `testcluster-${sourceHash()}`);
  if (existsSync(binary)) return binary;
  await requireGo();
  mkdirSync(cache, { recursive: true });
  const lock = `${binary}.lock`;
  await acquire(lock, log);
  try {
    if (!existsSync(binary)) await build(binary, log);
  } finally {
    rmSync(lock, { force: true });
  }
  return binary;
}

// go.sum is left out: go.mod alone decides the versions, go.sum only refuses tampered ones.
function sourceHash() {
  const hash = createHash("sha256");
  for (const name of ["go.mod", "main.go", "build.mjs"]) hash.update(readFileSync(join(source, name))).update("\0");
  return hash.digest("hex").slice(0, 12);
}

async function requireGo() {
  const wanted = /^go (\S+)$/m.exec(goMod)?.[1] ?? "";
  const wayOut = `Install Go ${wanted} or newer and have it on the PATH: the test cluster is built from source.`;
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
async function acquire(lock, log) {
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
    if (!told) log(`process ${owner ?? "?"} is building the test cluster already: waiting for it`);
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

async function build(binary, log) {
  log("building the test cluster (etcd, kube-apiserver, kubectl): about 4 minutes the first time on 2 cores ...");
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const ticker = setInterval(() => log(`  still building the test cluster (${seconds()})`), 30_000);
  const partial = `${binary}.${process.pid}.partial`;
  try {
    await runGo(["build", "-trimpath", "-buildvcs=false", "-o", partial, "-ldflags", linkerFlags(), "."]);
    renameSync(partial, binary); // whoever sees the binary sees all of it
  } finally {
    clearInterval(ticker);
    rmSync(partial, { force: true });
  }
  removeOthers(binary);
  log(`built the test cluster in ${seconds()}`);
}

// Without a version stamped in, the server says v0.0.0-master and kubectl cannot parse it.
function linkerFlags() {
  const version = /^\s*k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\S+)$/m.exec(goMod);
  if (version === null) throw new Error(`${join(source, "go.mod")} names no version of k8s.io/kubernetes`);
  const stamps = { gitVersion: version[1], gitMajor: version[2], gitMinor: version[3], gitTreeState: "clean" };
  return [
    "-s -w",
    ...Object.entries(stamps).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`),
  ].join(" ");
}

function runGo(args) {
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
      else reject(new Error(`go build of the test cluster failed (exit code ${code}):\n${output.trim()}`));
    });
  });
}

// 120 MB each: binaries of earlier versions of the source, and what killed builds of this one left.
function removeOthers(binary) {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    const isOlder = /^testcluster-[0-9a-f]+$/.test(name) && path !== binary;
    const isLeftover = path.startsWith(`${binary}.`) && name.endsWith(".partial");
    if (isOlder || isLeftover) rmSync(path, { force: true });
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(await ensureTestcluster());
  } catch (error) {
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = error.name === "GoMissing" ? exitCodeGoMissing : 1;
  }
}
