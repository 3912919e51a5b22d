// What the image has of Debian: glibc, libstdc++, the init, CA certificates. By version and checksum, through the machine's own
// apt with folders of its own: it needs no rights, and changes nothing of the machine's.
import fs from "node:fs";
import path from "node:path";
import { type Architecture, architectures, hashOf, ImageError, kept, run, store } from "./parts.ts";
import { root } from "../paths.mjs";

export interface Pin {
  readonly version: string;
  readonly sha256: string;
}
export type Pins = Readonly<Record<string, Pin>>;

interface Lock {
  /** Debian's release that all packages are of. */
  readonly suite: string;
  readonly packages: Readonly<Record<Architecture, Pins>>;
}

const lockFile = path.join(root, "hack/image/debian-packages.json");
const readLock = (): Lock => JSON.parse(fs.readFileSync(lockFile, "utf8")) as Lock;

/** A pinned version that Debian's archive has replaced: it keeps the newest of a release only. */
export class PinGone extends ImageError {}

export interface DebianPackage {
  readonly name: string;
  /** Of its files, unpacked. */
  readonly directory: string;
  /** Its paragraph of control fields, as dpkg's status has them. */
  readonly control: string;
}

export interface FetchOptions {
  /** What to do where the archive has another version by now: say so (the default), or take that. */
  readonly whenGone?: "fail" | "take current";
}

/** The pinned packages, unpacked. */
export function fetchDebian(architecture: Architecture, { whenGone = "fail" }: FetchOptions = {}): DebianPackage[] {
  const { suite, packages } = readLock();
  let apt: Apt | undefined;
  return Object.entries(packages[architecture]).map(([name, pin]) => {
    const keep = (version: string, sha256: string | undefined) =>
      kept(`debian-${name}-${version}-${architecture}`, (directory) => {
        apt ??= new Apt(suite, architecture);
        const archive = apt.download(name, version, directory);
        if (sha256 !== undefined && hashOf(archive, "sha256", "hex") !== sha256)
          throw new ImageError(
            `the fetched ${path.basename(archive)} has another checksum than ${path.relative(root, lockFile)} names`,
          );
        run(`cannot unpack ${archive}`, "dpkg-deb", ["--extract", archive, path.join(directory, "files")]);
        fs.writeFileSync(path.join(directory, "control"), run("", "dpkg-deb", ["--field", archive]));
        fs.rmSync(archive);
      });
    const directory = ((): string => {
      try {
        return keep(pin.version, pin.sha256);
      } catch (error) {
        if (!(error instanceof PinGone) || whenGone === "fail" || apt === undefined) throw error;
        return keep(apt.current(name), undefined);
      }
    })();
    return {
      name,
      directory: path.join(directory, "files"),
      control: fs.readFileSync(path.join(directory, "control"), "utf8"),
    };
  });
}

/** Writes the lock anew, with the versions that the archive has now. Returns a line for each that changed. */
export function renewPins(): string[] {
  const { suite, packages: before } = readLock();
  const changes: string[] = [];
  const renewed = architectures.map((architecture) => {
    const apt = new Apt(suite, architecture);
    const pins = Object.entries(before[architecture]).map(([name, old]) => {
      const version = apt.current(name);
      if (version === old.version) return [name, old];
      const archive = apt.download(name, version, apt.directory);
      changes.push(`${architecture}: ${name} ${old.version} -> ${version}`);
      return [name, { version, sha256: hashOf(archive, "sha256", "hex") }];
    });
    return [architecture, Object.fromEntries(pins)];
  });
  fs.writeFileSync(lockFile, `${JSON.stringify({ suite, packages: Object.fromEntries(renewed) }, undefined, 2)}\n`);
  return changes;
}

/** apt for one release and architecture, whatever this machine's own are. What it downloads it has checked against Debian's signature. */
class Apt {
  readonly directory: string;
  readonly #options: readonly string[];

  constructor(suite: string, architecture: Architecture) {
    this.directory = path.join(store, `apt-${suite}-${architecture}`);
    for (const folder of ["lists/partial", "archives/partial"])
      fs.mkdirSync(path.join(this.directory, folder), { recursive: true });
    const file = (name: string, text: string): string => {
      fs.writeFileSync(path.join(this.directory, name), text);
      return path.join(this.directory, name);
    };
    const settings = {
      "APT::Architecture": architecture,
      "APT::Architectures": architecture,
      "APT::Sandbox::User": "root",
      "Dir::State": this.directory,
      "Dir::State::Lists": path.join(this.directory, "lists"),
      "Dir::State::Status": file("status", ""),
      "Dir::Cache": this.directory,
      // Images of Debian switch them off, and then apt reads the whole list at each call.
      "Dir::Cache::pkgcache": "pkgcache.bin",
      "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
      "Dir::Etc::SourceList": file("debian.sources", sourcesFor(suite)),
      "Dir::Etc::SourceParts": "-",
      "Dir::Etc::Preferences": "-",
      "Dir::Etc::PreferencesParts": "-",
      // Icons and descriptions of desktop programs, where a desktop asks for them.
      "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
      "Acquire::Languages": "none",
    };
    // On the command line, where they outrank the machine's configuration; a proxy that it names is used.
    this.#options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    const failure = "apt could not fetch Debian's list of packages; is the Debian mirror of this machine reachable?";
    run(failure, "apt-get", [...this.#options, "-o", "APT::Update::Error-Mode=any", "-qq", "update"]);
  }

  /** The version that the archive has. */
  current(name: string): string {
    const policy = run(`apt knows no ${name}`, "apt-cache", [...this.#options, "policy", name]);
    const version = /^ {2}Candidate: (\S+)$/m.exec(policy)?.[1];
    if (version === undefined || version === "(none)") throw new ImageError(`Debian's archive has no ${name}`);
    return version;
  }

  /** The path of the package, in `directory`. */
  download(name: string, version: string, directory: string): string {
    const current = this.current(name);
    const versions = run("", "apt-cache", [...this.#options, "madison", name]);
    if (!versions.split(/[\s|]+/).includes(version))
      throw new PinGone(
        `Debian's archive has ${name} ${current} by now, and not ${version} any more; take it with \`npm run image -- --renew\`, and review what changes in ${path.relative(root, lockFile)}`,
      );
    const args = [...this.#options, "-qq", "download", `${name}=${version}`];
    run(`apt could not fetch ${name} ${version}`, "apt-get", args, directory);
    const archive = fs.readdirSync(directory).find((each) => each.startsWith(`${name}_`) && each.endsWith(".deb"));
    if (archive === undefined) throw new ImageError(`apt fetched no ${name} ${version}`);
    return path.join(directory, archive);
  }
}

/** This machine's Debian mirrors, for the release `suite`. */
function sourcesFor(suite: string): string {
  const sources = "/etc/apt/sources.list.d/debian.sources";
  if (!fs.existsSync(sources))
    throw new ImageError(
      `the image is put together from Debian's packages, and there is no ${sources} here: run this on Debian, or build with \`docker build .\``,
    );
  const own = /^VERSION_CODENAME=(\w+)$/m.exec(fs.readFileSync("/etc/os-release", "utf8"))?.[1] ?? suite;
  return fs.readFileSync(sources, "utf8").replaceAll(own, suite);
}
