import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { root } from "../../hack/paths.mjs";
import { checksums, publishedManifest, whyNoRelease } from "../../hack/release.ts";

const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
const notCopied = new Set([".cache", ".git", "coverage", "dist"]);
/** What goes into a release as it lies there. */
const shipped = ["CHANGELOG.md", "LICENSE", "NOTICE", "README.md", "charts", "docs", "manifests"];

/**
 * The whole checkout in another folder, as a user has it whose umask is 077: what is shipped with that one's rights, the rest by hard
 * links, within the repository: they do not reach other file systems.
 */
function copyCheckout(directory: string): string {
  const copy = path.join(directory, "a/folder with another name");
  fs.mkdirSync(path.join(copy, ".cache"), { recursive: true });
  const entries = fs.readdirSync(root).filter((name) => !notCopied.has(name) && !shipped.includes(name));
  execFileSync("cp", ["-al", ...entries.map((name) => path.join(root, name)), copy]);
  execFileSync("cp", ["-al", path.join(root, ".cache/envoy"), path.join(copy, ".cache")]);
  execFileSync("cp", ["-a", ...shipped.map((name) => path.join(root, name)), copy]);
  execFileSync("chmod", ["-R", "go=", ...shipped.map((name) => path.join(copy, name))]);
  return copy;
}

function release(checkout: string, out: string, cwd: string, umask: number): string {
  const args = [path.join(checkout, "hack/release.ts"), "--dry-run", "--no-image", "--out", out];
  const before = process.umask(umask);
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  process.umask(before);
  if (status !== 0) throw new Error(stderr);
  return fs.readFileSync(path.join(out, "SHA256SUMS"), "utf8");
}

describe("the files of a release", () => {
  let directory: string;
  let copy: string;
  let here: string;
  let there: string;

  beforeAll(() => {
    fs.mkdirSync(path.join(root, ".cache"), { recursive: true });
    directory = fs.mkdtempSync(path.join(root, ".cache/release-test-"));
    copy = copyCheckout(directory);
    here = release(root, path.join(directory, "here"), root, 0o022);
    // Started elsewhere too: what the bundler writes could depend on the working directory.
    there = release(copy, path.join(directory, "there"), "/", 0o077);
  }, 300_000);
  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it("are the package, the manifests and the bills of materials, with a checksum each", () => {
    for (const file of [
      `npm/nuncio-${version}.tgz`,
      "manifests/install.yaml",
      `sbom/nuncio-${version}.cdx.json`,
      `sbom/nuncio-image-${version}-arm64.cdx.json`,
    ])
      expect(here).toMatch(new RegExp(`^[0-9a-f]{64}  ${file}$`, "m"));
    const check = spawnSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: path.join(directory, "here") });
    expect(check.status).toBe(0);
  });

  it("have the same bytes when they are built in another directory, by somebody with another umask", () => {
    expect(there).toBe(here);
  });

  it("are told apart by their checksums", () => {
    const folder = fs.mkdtempSync(path.join(directory, "sums-"));
    fs.writeFileSync(path.join(folder, "a"), "1");
    const before = checksums(folder);
    fs.writeFileSync(path.join(folder, "a"), "2");
    expect(checksums(folder)).not.toBe(before);
  });

  describe("the package, installed in an empty folder without a network", () => {
    let folder: string;
    let installed: string;
    beforeAll(() => {
      folder = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-installed-"));
      fs.writeFileSync(path.join(folder, "package.json"), "{}");
      const tarball = path.join(directory, `here/npm/nuncio-${version}.tgz`);
      execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], {
        cwd: folder,
        stdio: "pipe",
      });
      installed = path.join(folder, "node_modules/nuncio");
    }, 60_000);
    afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

    it("is all that is installed", () => {
      expect(fs.readdirSync(path.join(folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual([
        "nuncio",
      ]);
    });

    it("checks manifests", () => {
      fs.copyFileSync(path.join(root, "examples/quote.yaml"), path.join(folder, "quote.yaml"));
      const nuncio = path.join(folder, "node_modules/.bin/nuncio");
      expect(spawnSync(nuncio, ["check", "quote.yaml"], { cwd: folder, encoding: "utf8" })).toMatchObject({
        status: 0,
        stdout: expect.stringContaining("no problems"),
        stderr: "",
      });
    });

    it("has licences, notices and the changelog with it, and names no directory of the machine that built it", () => {
      expect(fs.readdirSync(installed).sort()).toEqual([
        "CHANGELOG.md",
        "LICENSE",
        "NOTICE",
        "README.md",
        "dist",
        "docs",
        "package.json",
      ]);
      const files = fs.readdirSync(path.join(installed, "dist"));
      expect(files).toContain("THIRD-PARTY-LICENSES.txt");
      const naming = (text: string) =>
        files.filter((name) => fs.readFileSync(path.join(installed, "dist", name)).includes(text));
      expect(naming(root)).toEqual([]);
      // The control: a path that is in it is found.
      expect(naming("node_modules/winston").length).toBeGreaterThan(0);
    });
  });
});

describe("a release", () => {
  const changelog = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n";

  it("is one with its version in the changelog and nothing uncommitted", () => {
    expect(whyNoRelease({ version: "1.2.3", changelog, gitStatus: "" })).toEqual([]);
  });

  it.each([
    ["a version that the changelog does not have", { version: "1.2.4" }, /no heading "## \[1\.2\.4\] - DATE"/],
    ["a version that only looks like one of it", { version: "1.2.3", changelog: "## [1x2x3] - 2026-01-31" }, /heading/],
    ["a changed file", { gitStatus: " M package.json" }, /not committed:\n M package\.json/],
  ])("is refused for %s", (_, change, reason) => {
    expect(whyNoRelease({ version: "1.2.3", changelog, gitStatus: "", ...change })).toEqual([
      expect.stringMatching(reason),
    ]);
  });
});

describe("installing", () => {
  it("what is published fetches no package and runs no script", () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as Parameters<
      typeof publishedManifest
    >[0];
    const keys = Object.keys(publishedManifest(manifest));
    expect(keys).toEqual(["name", "version", "description", "license", "type", "engines", "bin"]);
  });

  // Set-up runs none of these (npm ci --ignore-scripts), and everything works. One that is new is to be looked at.
  it("the packages of package-lock.json has no script of which it is not known why we do without it", () => {
    const { packages } = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const withScripts = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(new Set(withScripts.map(([name]) => name.replace(/^.*node_modules\//, "")))).toEqual(
      new Set([
        "@parcel/watcher", // its binary comes as a package of its own; tools only
        "@swc/core", // likewise
        "esbuild", // likewise
        "protobufjs", // warns of a version range in the package.json around it
        "unrs-resolver", // its binary comes as a package of its own; tools only
      ]),
    );
  });
});
