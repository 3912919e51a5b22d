// Builds cert-manager's controllers from this folder's Go module.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ensureGoBuild } from "../go-build.mjs";

const source = dirname(fileURLToPath(import.meta.url));
const module = "github.com/cert-manager/cert-manager";

/** Path of the program, built first if this version of it is not there yet (about 4 minutes on 2 cores, then at once), and of the
 *  folder with cert-manager's CRDs. Throws as `ensureTestcluster` does. */
export async function ensureCertManager({ log = (line) => console.error(line) } = {}) {
  const folder = await ensureGoBuild({
    name: "cert-manager",
    title: "cert-manager: about 4 minutes the first time on 2 cores",
    source,
    files: ["go.mod", "main.go", "build.mjs"],
    packages: ["."],
    linkerFlags: ["-s -w"],
    log,
  });
  return { program: join(folder, "cert-manager"), crds: join(await moduleFolder(), "deploy/crds") };
}

// Go has it since the build, or fetches it again; to embed files of another module is what it cannot do.
async function moduleFolder() {
  const { stdout } = await promisify(execFile)("go", ["mod", "download", "-json", module], { cwd: source });
  return JSON.parse(stdout).Dir;
}
