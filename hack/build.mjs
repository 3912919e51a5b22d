// The bundle: what is installed and what runs in production is plain .js, half the memory of the unbundled packages.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundledPackages } from "./bundled.mjs";
import { licensesText } from "./licenses.mjs";
import { descriptorsFile, envoyVersion, root } from "./paths.mjs";

/** Returns what went where, as esbuild tells it. A build that fails leaves what was there before: it is made beside it, and put in
 *  its place when it is whole. */
export async function bundle(outdir = path.join(root, "dist"), { entry = "cli/main.ts" } = {}) {
  const { build } = await import("esbuild");
  const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  const { metafile, outputFiles } = await build({
    metafile: true,
    write: false,
    entryPoints: { nuncio: path.resolve(root, entry) },
    outdir,
    absWorkingDir: root, // names of chunks and comments have paths from here: the same bytes wherever the build is started
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // client-node's dependencies ask for Node's deprecated module, which warns on stderr; the package is the same code.
    alias: { punycode: path.join(root, "node_modules/punycode/punycode.js") },
    keepNames: true, // Pepr and its client key kinds by class name
    legalComments: "external",
    define: { NUNCIO_VERSION: JSON.stringify(version), ENVOY_VERSION: JSON.stringify(envoyVersion) },
    // CommonJS packages in an ES module bundle still call require() for Node's own modules.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
  const isLegal = ({ path: file }) => file.endsWith(".LEGAL.txt");
  const legalFiles = outputFiles.filter(isLegal).map(({ text }) => text);
  const licenses = licensesText(bundledPackages(metafile, root), legalFiles);
  const beside = `${outdir}.${process.pid}.partial`;
  const before = `${outdir}.${process.pid}.old.partial`;
  try {
    for (const { path: file, contents } of outputFiles.filter((each) => !isLegal(each))) {
      const target = path.join(beside, path.relative(outdir, file));
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.writeFileSync(target, contents);
    }
    fs.writeFileSync(path.join(beside, "THIRD-PARTY-LICENSES.txt"), licenses);
    fs.copyFileSync(descriptorsFile, path.join(beside, "envoy-descriptors.binpb"));
    fs.chmodSync(path.join(beside, "nuncio.js"), 0o755);
    if (fs.existsSync(outdir)) fs.renameSync(outdir, before);
    fs.renameSync(beside, outdir);
  } finally {
    for (const directory of [beside, before]) fs.rmSync(directory, { recursive: true, force: true });
  }
  return metafile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
