// Builds helm, and the runner of Argo CD's health scripts, from this folder's Go module.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureGoBuild, moduleVersion } from "../go-build.mjs";

const source = dirname(fileURLToPath(import.meta.url));

/** Paths of the programs, built first if this version of them is not there yet (about 2 minutes on 2 cores, then at once).
 *  Throws as `ensureTestcluster` does. */
export async function ensureHelm({ log = (line) => console.error(line) } = {}) {
  const folder = await ensureGoBuild({
    name: "helm",
    title: "helm: about 2 minutes the first time on 2 cores",
    source,
    files: ["go.mod", "main.go", "build.mjs"],
    packages: [".", "helm.sh/helm/v3/cmd/helm"],
    linkerFlags: linkerFlags(),
    log,
  });
  return { helm: join(folder, "helm"), argoHealth: join(folder, "argo-health") };
}

// As helm's own Makefile does. Without a version stamped in, helm takes a cluster that it cannot ask for a v1.20.
function linkerFlags() {
  const [, major, minor] = moduleVersion(source, "k8s.io/client-go");
  const [version] = moduleVersion(source, "helm.sh/helm/v3");
  const module = "helm.sh/helm/v3";
  const stamps = {
    "internal/version.version": version,
    "pkg/chartutil.k8sVersionMajor": Number(major) + 1,
    "pkg/chartutil.k8sVersionMinor": minor,
    "pkg/lint/rules.k8sVersionMajor": Number(major) + 1,
    "pkg/lint/rules.k8sVersionMinor": minor,
  };
  return ["-s -w", ...Object.entries(stamps).map(([name, value]) => `-X ${module}/${name}=${value}`)];
}
