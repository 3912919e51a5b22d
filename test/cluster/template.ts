import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { root } from "../../hack/paths.mjs";
import { ensureTestcluster } from "../../hack/testcluster/build.mjs";
import { startCluster } from "./cluster.ts";
import { applyCrds, applyInstalled } from "./install.ts";

const templates = join(root, ".cache/cluster-templates");

/**
 * The data of a cluster in which everything is installed, for `startCluster({ from })` to begin with. A bare one has to make the roles
 * of Kubernetes and to take our kinds first: half of the time that a test's cluster takes to start.
 * Made where it is missing, once for each version of the manifests and of Kubernetes.
 */
export async function installedTemplate(): Promise<string> {
  const hash = createHash("sha256").update(basename(dirname(await ensureTestcluster())));
  for (const file of ["manifests/crds.yaml", "manifests/install.yaml", "test/cluster/install.ts"])
    hash.update(readFileSync(join(root, file)));
  const folder = join(templates, hash.digest("hex").slice(0, 12));
  if (!existsSync(folder)) await make(folder);
  return folder;
}

async function make(folder: string): Promise<void> {
  mkdirSync(templates, { recursive: true });
  const partial = mkdtempSync(join(templates, "partial-"));
  const cluster = await startCluster();
  try {
    await applyCrds(cluster);
    await applyInstalled(cluster);
    await cluster.save(partial);
    removeOthers(folder);
    renameSync(partial, folder); // whoever sees the folder sees all of it
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
    await cluster.stop();
  }
}

const MAKING_MS = 600_000;

/** What earlier manifests were made to, and what was left of one whose making was cut short. */
function removeOthers(folder: string): void {
  for (const entry of readdirSync(templates)) {
    const path = join(templates, entry);
    const isMade = entry.startsWith("partial-") && Date.now() - statSync(path).mtimeMs < MAKING_MS;
    if (!isMade && entry !== basename(folder)) rmSync(path, { recursive: true, force: true });
  }
}
