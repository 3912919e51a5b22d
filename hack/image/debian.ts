// What the image has of Debian: glibc, libstdc++, the init, CA certificates. By version and checksum.
import fs from "node:fs";
import path from "node:path";
import { Apt, namedArchive } from "./apt.ts";
import { type Architecture, architectures, hashOf, ImageError, kept, run } from "./parts.ts";
import { root } from "../paths.mjs";

export interface Pin {
  readonly version: string;
  readonly sha256: string;
}
export type Pins = Readonly<Record<string, Pin>>;

interface Lock {
  /** Debian's release that all packages are of. */
  readonly suite: string;
  /** A time at which all of these versions are the newest, as snapshot.debian.org writes it. */
  readonly snapshot: string;
  readonly packages: Readonly<Record<Architecture, Pins>>;
}

const lockFile = path.join(root, "hack/image/debian-packages.json");
const readLock = (): Lock => JSON.parse(fs.readFileSync(lockFile, "utf8")) as Lock;

/** A pinned version that the archive has replaced: Debian's keeps the newest of a release only. */
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
  const { suite, snapshot, packages } = readLock();
  const archive = namedArchive(process.env["DEBIAN_ARCHIVE"]);
  let apt: Apt | undefined;
  return Object.entries(packages[architecture]).map(([name, pin]) => {
    const keep = (version: string, sha256: string | undefined) =>
      kept(`debian-${name}-${version}-${architecture}`, (directory) => {
        apt ??= new Apt(suite, architecture, archive);
        if (!apt.has(name, version))
          throw new PinGone(
            `${archive?.address ?? "Debian's archive"} has ${name} ${apt.current(name)} by now, and not the pinned ${version}. ${waysOut(snapshot)}`,
          );
        const file = apt.download(name, version, directory);
        if (sha256 !== undefined && hashOf(file, "sha256", "hex") !== sha256)
          throw new ImageError(
            `the fetched ${path.basename(file)} has another checksum than ${path.relative(root, lockFile)} names`,
          );
        run(`cannot unpack ${file}`, "dpkg-deb", ["--extract", file, path.join(directory, "files")]);
        fs.writeFileSync(path.join(directory, "control"), run("", "dpkg-deb", ["--field", file]));
        fs.rmSync(file);
      });
    const directory = ((): string => {
      try {
        return keep(pin.version, pin.sha256);
      } catch (error) {
        if (!(error instanceof PinGone) || whenGone === "fail" || apt === undefined) throw error;
        if (archive !== undefined) throw error; // There, nothing but the pin's checksum tells what is taken.
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

const waysOut = (snapshot: string): string =>
  "Build with an archive that has kept it, named by DEBIAN_ARCHIVE in the environment or with --build-arg: " +
  `DEBIAN_ARCHIVE=http://snapshot.debian.org/archive/debian/${snapshot}. ` +
  "Or take the new version with `npm run image -- --renew`, and review what changes in " +
  `${path.relative(root, lockFile)}. docs/image.md has both, and how to renew without Debian.`;

/** Writes the lock anew, with the versions that the archive has now. Returns a line for each that changed. */
export function renewPins(): string[] {
  if (namedArchive(process.env["DEBIAN_ARCHIVE"]) !== undefined)
    throw new ImageError("--renew takes what is signed by Debian, from this machine's mirrors; unset DEBIAN_ARCHIVE");
  const { suite, snapshot, packages: before } = readLock();
  const changes: string[] = [];
  const renewed = architectures.map((architecture) => {
    const apt = new Apt(suite, architecture);
    const pins = Object.entries(before[architecture]).map(([name, old]) => {
      const version = apt.current(name);
      if (version === old.version) return [name, old];
      const file = apt.download(name, version, apt.directory);
      changes.push(`${architecture}: ${name} ${old.version} -> ${version}`);
      const sha256 = hashOf(file, "sha256", "hex");
      fs.rmSync(file); // or the next renewal would find two
      return [name, { version, sha256 }];
    });
    return [architecture, Object.fromEntries(pins)];
  });
  const lock: Lock = {
    suite,
    snapshot: changes.length === 0 ? snapshot : tomorrow(),
    packages: Object.fromEntries(renewed) as Record<Architecture, Pins>,
  };
  fs.writeFileSync(lockFile, `${JSON.stringify(lock, undefined, 2)}\n`);
  return changes;
}

/** Its first moment: snapshots are taken some times a day, and today's last one may be older than what the archive has now. */
function tomorrow(): string {
  const day = new Date(Date.now() + 24 * 60 * 60 * 1000).toISOString().slice(0, "2026-01-31".length);
  return `${day.replaceAll("-", "")}T000000Z`;
}
