// The bundle: what is installed and what runs in production is plain .js, half the memory of the unbundled packages.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { descriptorsFile, envoyVersion, root } from "./paths.mjs";

/** Returns what went where, as esbuild tells it. */
export async function bundle(outdir = path.join(root, "dist")) {
  const { build } = await import("esbuild");
  const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  fs.rmSync(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    metafile: true,
    entryPoints: { nuncio: path.join(root, "cli/main.ts") },
    outdir,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // client-node's dependencies ask for Node's deprecated module, which warns on stderr; the package is the same code.
    alias: { punycode: path.join(root, "node_modules/punycode/punycode.js") },
    keepNames: true, // Pepr and its client key kinds by class name
    legalComments: "none",
    define: { NUNCIO_VERSION: JSON.stringify(version), ENVOY_VERSION: JSON.stringify(envoyVersion) },
    // CommonJS packages in an ES module bundle still call require() for Node's own modules.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
  fs.copyFileSync(descriptorsFile, path.join(outdir, "envoy-descriptors.binpb"));
  fs.chmodSync(path.join(outdir, "nuncio.js"), 0o755);
  return metafile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
