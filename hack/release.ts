// `npm run release -- [--dry-run] [--no-image] [--out DIR]`: everything that a release hands out, in a folder with its checksums.
// It publishes nothing. Without --dry-run it refuses what is no release: changes that are not committed, a version without its
// changelog.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { bundle } from "./build.mjs";
import { bundledPackages } from "./bundled.mjs";
import { cache, root } from "./paths.mjs";
import { architectures } from "./sbom/components.ts";
import { imageComponents, npmBom, sbomOf, textOfSbom } from "./sbom.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

const readManifest = (): Manifest => JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as Manifest;

function run(command: string, args: readonly string[], cwd = root): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr}`);
  return stdout;
}

/** What is not committed. */
function gitStatus(): string {
  if (!fs.existsSync(path.join(root, ".git"))) return "all of it: this is no checkout of git";
  return run("git", ["status", "--porcelain"]).trimEnd();
}

/** Why this checkout is no release. */
export function whyNoRelease({ version, changelog, gitStatus }: Record<"version" | "changelog" | "gitStatus", string>) {
  const reasons: string[] = [];
  if (!new RegExp(`^## \\[${version.replaceAll(".", "\\.")}\\] - \\d{4}-\\d{2}-\\d{2}$`, "m").test(changelog))
    reasons.push(`CHANGELOG.md has no heading "## [${version}] - DATE"`);
  if (gitStatus !== "") reasons.push(`there are changes that are not committed:\n${gitStatus}`);
  return reasons;
}

/** What npm gets: the bundle has its packages in it, so whoever installs it fetches nothing else and runs no script. */
export function publishedManifest(manifest: Manifest): Readonly<Record<string, unknown>> {
  const kept = ["name", "version", "description", "license", "type", "engines", "bin"];
  return Object.fromEntries(kept.map((key) => [key, manifest[key]]));
}

/** Of every file in an archive, whatever the umask was of who made it. npm keeps what a file has for others; Source: node-tar, mode-fix.js. */
const rights = "u+rw,go=rX";

async function npmPackage(manifest: Manifest, out: string, staging: string) {
  fs.mkdirSync(staging, { recursive: true });
  for (const name of ["docs", "CHANGELOG.md", "LICENSE", "NOTICE", "README.md"])
    fs.cpSync(path.join(root, name), path.join(staging, name), { recursive: true });
  fs.writeFileSync(
    path.join(staging, "package.json"),
    `${JSON.stringify(publishedManifest(manifest), undefined, 2)}\n`,
  );
  const metafile = await bundle(path.join(staging, "dist"));
  fs.mkdirSync(out, { recursive: true });
  run("chmod", ["-R", rights, staging]);
  run("npm", ["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", out], staging);
  return bundledPackages(metafile, root);
}

/** The same bytes for the same files, whoever owns them and whenever they were written. */
function archive(folder: string, target: string): void {
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", `--mode=${rights}`];
  const directory = ["--directory", path.dirname(folder), path.basename(folder)];
  run("tar", ["--create", "--file", target, "--use-compress-program=gzip -n -9", ...same, ...directory]);
}

/** In the form of sha256sum. */
export function checksums(directory: string): string {
  const files = fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => file !== "SHA256SUMS" && fs.statSync(path.join(directory, file)).isFile())
    .sort();
  const sum = (file: string) =>
    createHash("sha256")
      .update(fs.readFileSync(path.join(directory, file)))
      .digest("hex");
  return files.map((file) => `${sum(file)}  ${file}\n`).join("");
}

/** The container image of both architectures, as an OCI layout. It fetches what is not there yet. */
function image(target: string): void {
  fs.mkdirSync(path.dirname(target), { recursive: true });
  run(process.execPath, [path.join(root, "hack/image.ts"), "--oci", target, `--arch=${architectures.join(",")}`]);
}

async function buildAll(manifest: Manifest, out: string, withImage: boolean): Promise<void> {
  const { name, version } = manifest;
  const staging = `${out}.${process.pid}.partial`;
  fs.rmSync(out, { recursive: true, force: true });
  try {
    const packages = await npmPackage(manifest, path.join(out, "npm"), staging);
    fs.mkdirSync(path.join(out, "sbom"));
    const npm = npmBom();
    const sbom = (file: string, others: Parameters<typeof sbomOf>[1]) =>
      fs.writeFileSync(path.join(out, "sbom", `${file}.cdx.json`), textOfSbom(sbomOf(packages, others, npm)));
    sbom(`${name}-${version}`, []);
    for (const architecture of architectures)
      sbom(`${name}-image-${version}-${architecture}`, imageComponents(architecture));
    fs.cpSync(path.join(root, "manifests"), path.join(out, "manifests"), { recursive: true });
    const chart = path.join(root, "charts", name);
    if (fs.existsSync(chart)) archive(chart, path.join(out, "chart", `${name}-${version}.tgz`));
    if (withImage) image(path.join(out, "image", `${name}-${version}.oci.tar`));
    fs.writeFileSync(path.join(out, "SHA256SUMS"), checksums(out));
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { "dry-run": { type: "boolean" }, "no-image": { type: "boolean" }, out: { type: "string" } },
  });
  const manifest = readManifest();
  const reasons = whyNoRelease({
    version: manifest.version,
    changelog: fs.readFileSync(path.join(root, "CHANGELOG.md"), "utf8"),
    gitStatus: gitStatus(),
  });
  for (const reason of reasons) console.error(`release: ${reason}`);
  if (reasons.length > 0 && values["dry-run"] !== true) return 1;
  const out = path.resolve(values.out ?? path.join(cache, "release", `${manifest.name}-${manifest.version}`));
  const hasImage = fs.existsSync(path.join(root, "hack/image.ts"));
  await buildAll(manifest, out, hasImage && values["no-image"] !== true);
  console.log(`${path.relative(process.cwd(), out)}:\n${fs.readFileSync(path.join(out, "SHA256SUMS"), "utf8")}`.trim());
  return 0;
}

if (import.meta.main) process.exitCode = await main();
