// Packages of Debian, through the machine's own apt with folders of its own: it needs no rights, and changes nothing of the machine's.
import fs from "node:fs";
import path from "node:path";
import { type Architecture, ImageError, run, store } from "./parts.ts";

/** One that is named, rather than this machine's mirrors. */
export interface Archive {
  readonly address: string;
  /** Of its security fixes. */
  readonly security: string;
}

/** Undefined for no address. Its parts lie beside each other in every mirror, and in snapshot.debian.org. */
export function namedArchive(address = ""): Archive | undefined {
  if (address === "") return undefined;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const part = /\/debian(?=\/|$)/;
  if (url === undefined || !part.test(url.pathname))
    throw new ImageError(
      `DEBIAN_ARCHIVE: ${JSON.stringify(address)} is no address of a Debian archive; write one that has /debian in its path, and beside it the security fixes in /debian-security`,
    );
  const { href } = url;
  url.pathname = url.pathname.replace(part, "/debian-security");
  return { address: href, security: url.href };
}

/**
 * apt for one release and architecture, whatever this machine's own are. What it downloads from this machine's mirrors it has checked
 * against Debian's signature.
 */
export class Apt {
  readonly directory: string;
  readonly #options: readonly string[];
  readonly #whose: string;

  constructor(suite: string, architecture: Architecture, archive?: Archive) {
    this.#whose = archive?.address ?? "Debian's archive";
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
      "Dir::Etc::SourceList": file(
        "debian.sources",
        archive === undefined ? machineSources(suite) : archiveSources(suite, archive),
      ),
      "Dir::Etc::SourceParts": "-",
      "Dir::Etc::Preferences": "-",
      "Dir::Etc::PreferencesParts": "-",
      // Icons and descriptions of desktop programs, where a desktop asks for them.
      "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
      "Acquire::Languages": "none",
    };
    // On the command line, where they outrank the machine's configuration; a proxy that it names is used.
    this.#options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    const from = archive?.address ?? "the Debian mirror of this machine";
    const failure = `apt could not fetch Debian's list of packages; is ${from} reachable?`;
    run(failure, "apt-get", [...this.#options, "-o", "APT::Update::Error-Mode=any", "-qq", "update"]);
  }

  /** The version that the archive has. */
  current(name: string): string {
    const policy = run(`apt knows no ${name}`, "apt-cache", [...this.#options, "policy", name]);
    const version = /^ {2}Candidate: (\S+)$/m.exec(policy)?.[1];
    if (version === undefined || version === "(none)") throw new ImageError(`${this.#whose} has no ${name}`);
    return version;
  }

  has(name: string, version: string): boolean {
    return run("", "apt-cache", [...this.#options, "madison", name])
      .split(/[\s|]+/)
      .includes(version);
  }

  /** The path of the package, in `directory`. */
  download(name: string, version: string, directory: string): string {
    const args = [...this.#options, "-qq", "download", `${name}=${version}`];
    run(`apt could not fetch ${name} ${version}`, "apt-get", args, directory);
    const file = fs.readdirSync(directory).find((each) => each.startsWith(`${name}_`) && each.endsWith(".deb"));
    if (file === undefined) throw new ImageError(`apt fetched no ${name} ${version}`);
    return path.join(directory, file);
  }
}

/** This machine's Debian mirrors, for the release `suite`. */
function machineSources(suite: string): string {
  const sources = "/etc/apt/sources.list.d/debian.sources";
  if (!fs.existsSync(sources))
    throw new ImageError(
      `the image is put together from Debian's packages, and there is no ${sources} here: run this on Debian, or in a container of Debian as docs/image.md has it`,
    );
  const own = /^VERSION_CODENAME=(\w+)$/m.exec(fs.readFileSync("/etc/os-release", "utf8"))?.[1] ?? suite;
  return fs.readFileSync(sources, "utf8").replaceAll(own, suite);
}

/**
 * A copy of what the archive was may have expired, and the key that signed it; so neither is asked for. What is taken from there is
 * checked against a pin alone, which was written when the signature was good.
 */
function archiveSources(suite: string, { address, security }: Archive): string {
  const source = (uri: string, suites: string) =>
    `Types: deb\nURIs: ${uri}\nSuites: ${suites}\nComponents: main\nTrusted: yes\nCheck-Valid-Until: no\n`;
  return [source(address, `${suite} ${suite}-updates`), source(security, `${suite}-security`)].join("\n");
}
