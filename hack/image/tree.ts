// The image's file tree, entry by entry: the one description of it. The Dockerfile's build stage and `npm run image` both write this.
import fs from "node:fs";
import path from "node:path";
import { root } from "../paths.mjs";
import { missingFrom } from "./elf.ts";
import { type DebianPackage, fetchDebian, type FetchOptions } from "./debian.ts";
import { type Architecture, fetchEnvoy, fetchNode, ImageError, names } from "./parts.ts";

export const layers = ["system", "nuncio"] as const;
/** What seldom changes comes first: a new version of ours alone is a download of a few megabytes. */
export type Layer = (typeof layers)[number];

/** A text, or the file that is copied. */
type Content = string | { readonly file: string };

/** A path has no slash in front. Directories on the way to it need no entry. */
export type Entry = { readonly layer: Layer; readonly path: string } & (
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "file"; readonly mode: number; readonly content: Content }
  | { readonly kind: "link"; readonly target: string }
);

const fileOf =
  (layer: Layer) =>
  (target: string, content: Content, mode = 0o644): Entry => ({ layer, kind: "file", path: target, mode, content });

const userId = 8888;

/** Of glibc what Node, Envoy and the init are linked with, and name resolution; no character sets, no tools. */
const glibc = /^(ld-linux-[\w-]+|libc|libm|libdl|librt|libpthread|libresolv|libnss_(dns|files))\.so\.\d$/;

/** Which files of a package are in the image, by its name. */
function wanted(name: string, triplet: string): (file: string) => boolean {
  const of =
    (...files: readonly string[]) =>
    (file: string) =>
      files.includes(file);
  switch (name) {
    case "libc6": {
      const loader = /^lib(64)?\/ld-linux-[\w-]+\.so\.\d$/;
      return (file) =>
        loader.test(file) || (path.dirname(file) === `lib/${triplet}` && glibc.test(path.basename(file)));
    }
    case "libgcc-s1":
      return of(`lib/${triplet}/libgcc_s.so.1`);
    case "libstdc++6":
      return (file) => file.startsWith(`usr/lib/${triplet}/libstdc++.so.6`);
    case "tini":
      return of("usr/bin/tini");
    case "base-files": {
      // What all these packages are of, for scanners; the texts that their copyright files point to.
      const release = of("etc/debian_version", "etc/os-release", "usr/lib/os-release");
      return (file) => release(file) || path.dirname(file) === "usr/share/common-licenses";
    }
    case "gcc-12-base": // only the licence, of both GCC's libraries
    case "ca-certificates": // made into one file below
      return () => false;
    default:
      throw new Error(`nobody says which files of ${name} are in the image`);
  }
}

/** Paths in it, relative and sorted; symbolic links among them. */
function filesIn(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((each) => !each.isDirectory())
    .map((each) => path.relative(directory, path.join(each.parentPath, each.name)))
    .sort();
}

function debianEntries(packages: readonly DebianPackage[], triplet: string): Entry[] {
  return packages.flatMap(({ name, directory, control }) => {
    const isWanted = wanted(name, triplet);
    const copyright = `usr/share/doc/${name}/copyright`;
    const entries = filesIn(directory).flatMap((file): Entry[] => {
      if (!isWanted(file) && file !== copyright) return [];
      const source = path.join(directory, file);
      if (fs.lstatSync(source).isSymbolicLink())
        return [{ layer: "system", kind: "link", path: file, target: fs.readlinkSync(source) }];
      const mode = (fs.statSync(source).mode & 0o111) === 0 ? 0o644 : 0o755;
      return [{ layer: "system", kind: "file", path: file, mode, content: { file: source } }];
    });
    // Where scanners for known vulnerabilities look in an image without dpkg. Source: distroless, and trivy's dpkg analyzer.
    const status = `var/lib/dpkg/status.d/${name}`;
    return [...entries, { layer: "system", kind: "file", path: status, mode: 0o644, content: control }];
  });
}

/** As update-ca-certificates would join them. */
function certificates(packages: readonly DebianPackage[]): string {
  const directory = packages.find(({ name }) => name === "ca-certificates")?.directory ?? "";
  const each = filesIn(path.join(directory, "usr/share/ca-certificates")).filter((file) => file.endsWith(".crt"));
  if (each.length === 0) throw new ImageError("Debian's ca-certificates has no certificates");
  return each.map((file) => fs.readFileSync(path.join(directory, "usr/share/ca-certificates", file), "utf8")).join("");
}

const accounts = {
  passwd: `root:x:0:0:root:/:/nologin\nnuncio:x:${userId}:${userId}:nuncio:/tmp:/nologin\n`,
  group: `root:x:0:\nnuncio:x:${userId}:\n`,
};

function systemEntries(architecture: Architecture, options: FetchOptions): Entry[] {
  const packages = fetchDebian(architecture, options);
  const node = fetchNode(architecture);
  const envoy = fetchEnvoy(architecture);
  const file = fileOf("system");
  return [
    ...debianEntries(packages, names[architecture].triplet),
    file("etc/ssl/certs/ca-certificates.crt", certificates(packages)),
    file("etc/passwd", accounts.passwd),
    file("etc/group", accounts.group),
    file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    file("usr/bin/node", { file: path.join(node, "bin/node") }, 0o755),
    file("usr/share/doc/node/LICENSE", { file: path.join(node, "LICENSE") }),
    file("usr/bin/envoy", { file: envoy.binary }, 0o755),
    // Envoy's own licence is the Apache License, as ours is, and its notice stands in ours; the other is that of those who packaged it.
    file("usr/share/doc/envoy/LICENSE", { file: path.join(root, "LICENSE") }),
    file("usr/share/doc/envoy/LICENSE.package", { file: envoy.license }),
    { layer: "system", kind: "directory", path: "tmp", mode: 0o1777 },
    // Container runtimes make these where they are missing; others that use the tree find them.
    ...["dev", "proc", "sys"].map((each): Entry => ({ layer: "system", kind: "directory", path: each, mode: 0o755 })),
  ];
}

function nuncioEntries(): Entry[] {
  const dist = path.join(root, "dist");
  if (!fs.existsSync(path.join(dist, "nuncio.js")))
    throw new ImageError("dist/nuncio.js is missing; run `npm run setup`");
  const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
  const file = fileOf("nuncio");
  // There is no env(1) to look for node.
  const program = fs.readFileSync(path.join(dist, "nuncio.js"), "utf8").replace(/^#!.*/, "#!/usr/bin/node");
  const chunks = fs.readdirSync(dist).filter((each) => /\.(js|binpb)$/.test(each) && each !== "nuncio.js");
  const licenses = [root, dist].flatMap((directory) =>
    fs
      .readdirSync(directory)
      .flatMap((each) => (/^(LICENSE|NOTICE|THIRD-PARTY)/.test(each) ? [path.join(directory, each)] : [])),
  );
  return [
    ...chunks.map((each) => file(`usr/lib/nuncio/${each}`, { file: path.join(dist, each) })),
    file("usr/lib/nuncio/nuncio.js", program, 0o755),
    file("usr/lib/nuncio/package.json", `${JSON.stringify({ name: "nuncio", version, type: "module" })}\n`),
    { layer: "nuncio", kind: "link", path: "usr/bin/nuncio", target: "../lib/nuncio/nuncio.js" },
    ...licenses.map((each) => file(`usr/share/doc/nuncio/${path.basename(each)}`, { file: each })),
  ];
}

/** Everything that is in the image. */
export function entriesOf(architecture: Architecture, options: FetchOptions = {}): Entry[] {
  const entries = [...systemEntries(architecture, options), ...nuncioEntries()];
  const missing = missingFrom(entries, architecture);
  if (missing.length > 0) throw new ImageError(`the image for ${architecture} is not whole: ${missing.join("; ")}`);
  return entries;
}

/** Seconds since 1970 that files are of: the same bytes whenever it is built. Source: reproducible-builds.org, SOURCE_DATE_EPOCH. */
export const builtAt = Number(process.env["SOURCE_DATE_EPOCH"] ?? 0);

/** Writes them into a directory that is not there yet. */
export function writeTree(directory: string, entries: readonly Entry[]): void {
  fs.mkdirSync(directory, { recursive: true });
  for (const entry of entries) {
    const target = path.join(directory, entry.path);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    if (entry.kind === "link") fs.symlinkSync(entry.target, target);
    else if (entry.kind === "directory") fs.mkdirSync(target);
    else if (typeof entry.content === "string") fs.writeFileSync(target, entry.content);
    else fs.copyFileSync(entry.content.file, target);
  }
  const modes = new Map(entries.flatMap((entry) => (entry.kind === "link" ? [] : [[entry.path, entry.mode]])));
  for (const each of ["", ...(fs.readdirSync(directory, { recursive: true }) as string[])]) {
    const target = path.join(directory, each);
    // Not what the umask made of it.
    if (!fs.lstatSync(target).isSymbolicLink()) fs.chmodSync(target, modes.get(each) ?? 0o755);
    fs.lutimesSync(target, builtAt, builtAt);
  }
}
