// Builds the test cluster's one binary (etcd, kube-apiserver, kubectl) from this folder's Go module.
// Set-up runs before node_modules exists, so: plain JavaScript for Node 20, no dependencies.
//   node hack/testcluster/build.mjs     prints the binary's path; progress goes to standard error
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureGoBuild, moduleVersion } from "../go-build.mjs";

const source = dirname(fileURLToPath(import.meta.url));
const exitCodeGoMissing = 3;

/** Path of the binary, built first if this version of it is not there yet (about 4 minutes on 2 cores, then at once).
 *  `log` gets progress lines, by default on standard error. Several processes may call this at the same time: one builds.
 *  Throws an Error named `GoMissing` when Go is absent or older than go.mod asks for, any other Error when the build fails. */
export async function ensureTestcluster({ log = (line) => console.error(line) } = {}) {
  const folder = await ensureGoBuild({
    name: "testcluster",
    title: "the test cluster (etcd, kube-apiserver, kubectl): about 4 minutes the first time on 2 cores",
    source,
    files: ["go.mod", "main.go", "build.mjs"],
    packages: ["."],
    linkerFlags: linkerFlags(),
    log,
  });
  return join(folder, "testcluster");
}

// Without a version stamped in, the server says v0.0.0-master and kubectl cannot parse it.
function linkerFlags() {
  const [gitVersion, gitMajor, gitMinor] = moduleVersion(source, "k8s.io/kubernetes");
  const stamps = { gitVersion, gitMajor, gitMinor, gitTreeState: "clean" };
  return [
    "-s -w",
    ...Object.entries(stamps).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`),
  ];
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(await ensureTestcluster());
  } catch (error) {
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = error.name === "GoMissing" ? exitCodeGoMissing : 1;
  }
}
