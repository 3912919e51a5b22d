// The software bill of materials, CycloneDX in JSON: `node hack/sbom.ts` of the bundle, with `--image amd64` of the image, with
// `--with FILE` of more (a JSON list of components). npm knows versions, licences and checksums, but lists what is installed: what
// is shipped is told by the bundler. No time and no random number is in it: the same sources make the same bytes.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { bundle } from "./build.mjs";
import { type BundledPackage, bundledPackages } from "./bundled.mjs";
import { root } from "./paths.mjs";
import { type Architecture, architectures, type Component, debianPackages, programs } from "./sbom/components.ts";
import type { DebianLock } from "./sbom/components.ts";

interface NpmComponent extends Component {
  readonly "bom-ref": string;
}

interface NpmBom {
  readonly $schema: string;
  readonly specVersion: string;
  readonly components: readonly NpmComponent[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** Of everything that package-lock.json names. */
export function npmBom(): NpmBom {
  const { status, stdout, stderr, error } = spawnSync(
    "npm",
    ["sbom", "--sbom-format=cyclonedx", "--package-lock-only", "--loglevel=error"],
    { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(`npm sbom failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout) as NpmBom;
}

/** The bill for these packages, and what is shipped with them. */
export function sbomOf(
  packages: readonly BundledPackage[],
  others: readonly Component[],
  npm: NpmBom = npmBom(),
): unknown {
  const known = new Map(npm.components.map((each) => [each["bom-ref"], each]));
  const components: NpmComponent[] = packages.map(({ name, version }) => {
    const found = known.get(`${name}@${version}`);
    if (found === undefined) throw new Error(`${name}@${version} is in the bundle, and not in package-lock.json`);
    const { "bom-ref": ref, type, purl, hashes, licenses } = found;
    return { "bom-ref": ref, type, name, version, purl, hashes, licenses };
  });
  components.push(...others.map((each) => ({ "bom-ref": each.purl, ...each })));
  const shipped = new Set(components.map((each) => each["bom-ref"]));
  const { name, version, license } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as {
    readonly [key in "name" | "version" | "license"]: string;
  };
  const self = `${name}@${version}`;
  const used = npm.dependencies
    .filter(({ ref }) => ref === self || shipped.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => shipped.has(each)).sort() }));
  return {
    $schema: npm.$schema,
    bomFormat: "CycloneDX",
    specVersion: npm.specVersion,
    version: 1,
    metadata: {
      component: {
        "bom-ref": self,
        type: "application",
        name,
        version,
        purl: `pkg:npm/${name}@${version}`,
        licenses: [{ license: { id: license } }],
      },
    },
    components: components.sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1)),
    dependencies: used.sort((a, b) => (a.ref < b.ref ? -1 : 1)),
  };
}

/** What an image holds besides the bundle. */
export function imageComponents(architecture: Architecture): readonly Component[] {
  const lock = path.join(root, "hack/image/debian-packages.json");
  const debian = fs.existsSync(lock)
    ? debianPackages(JSON.parse(fs.readFileSync(lock, "utf8")) as DebianLock, architecture)
    : [];
  return [...programs(architecture), ...debian];
}

export const textOfSbom = (bom: unknown): string => `${JSON.stringify(bom, undefined, 2)}\n`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { image: { type: "string" }, with: { type: "string", multiple: true, default: [] } },
  });
  const architecture = architectures.find((each) => each === values.image);
  if (values.image !== undefined && architecture === undefined)
    throw new Error(`--image is one of ${architectures.join(", ")}`);
  const others = values.with.flatMap((file) => JSON.parse(fs.readFileSync(file, "utf8")) as Component[]);
  if (architecture !== undefined) others.push(...imageComponents(architecture));
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-sbom-"));
  try {
    const packages = bundledPackages(await bundle(path.join(directory, "dist")), root);
    process.stdout.write(textOfSbom(sbomOf(packages, others)));
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
