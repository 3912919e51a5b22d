import { execFile, execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { namedArchive } from "../../hack/image/apt.ts";
import { root } from "../../hack/paths.mjs";
import { type LocalServer, localServer } from "../support/backends.ts";
import { whyNoImage } from "./image.ts";

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const sha256 = (file: string) => crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex");

(whyNoImage === undefined ? describe : describe.skip)(
  `the image of a commit whose packages Debian has replaced${whyNoImage ? `: ${whyNoImage}` : ""}`,
  () => {
    let directory: string;
    let checkout: string;
    let server: LocalServer;
    /** As it was at that time. */
    const archive = (time: string) => `http://127.0.0.1:${server.port}/archive/debian/${time}`;
    const served = (folder: string, file: string) => path.join(directory, "served/archive", folder, file);
    const inPool = (version: string) => `pool/main/t/tini/tini_${version}_amd64.deb`;
    const checksumOf = (folder: string, version: string) => sha256(served(folder, inPool(version)));

    /** Returns its line of the list of packages. */
    function pack(folder: string, version: string): string {
      const unpacked = path.join(directory, `tini-${version}`);
      const target = served(folder, inPool(version));
      const control = `Package: tini\nVersion: ${version}\nArchitecture: amd64\nMaintainer: nobody <n@example.org>\nDescription: none\n`;
      for (const each of [path.join(unpacked, "DEBIAN"), path.join(unpacked, "usr/bin"), path.dirname(target)])
        fs.mkdirSync(each, { recursive: true });
      fs.writeFileSync(path.join(unpacked, "DEBIAN/control"), control);
      fs.writeFileSync(path.join(unpacked, "usr/bin/tini"), `tini ${version}`);
      execFileSync("dpkg-deb", ["-Znone", "--root-owner-group", "--build", unpacked, target], { stdio: "pipe" });
      return `${control}Filename: ${inPool(version)}\nSize: ${fs.statSync(target).size}\nSHA256: ${sha256(target)}\n\n`;
    }

    /** A suite as it was in 2015: good for a week, and signed by no key that is known. */
    function publish(folder: string, suite: string, versions: readonly string[]): void {
      const list = "main/binary-amd64/Packages";
      const text = versions.map((version) => pack(folder, version)).join("");
      fs.mkdirSync(path.dirname(served(folder, `dists/${suite}/${list}`)), { recursive: true });
      fs.writeFileSync(served(folder, `dists/${suite}/${list}`), text);
      const time = (day: number) => `Thu, 0${day} Jan 2015 00:00:00 UTC`;
      const head = `Codename: ${suite}\nDate: ${time(1)}\nValid-Until: ${time(8)}\nArchitectures: amd64\nComponents: main`;
      const sum = sha256(served(folder, `dists/${suite}/${list}`));
      fs.writeFileSync(served(folder, `dists/${suite}/Release`), `${head}\nSHA256:\n ${sum} ${text.length} ${list}\n`);
    }

    /** A commit that pins tini at this version, with nothing fetched yet. */
    function commit(version: string, checksum: string): void {
      fs.rmSync(path.join(checkout, ".cache"), { recursive: true, force: true });
      const lock = { suite: "bookworm", snapshot: "T1", packages: { amd64: { tini: { version, sha256: checksum } } } };
      fs.writeFileSync(path.join(checkout, "hack/image/debian-packages.json"), JSON.stringify(lock));
    }

    const node = (address: string, args: readonly string[]): Promise<Result> =>
      new Promise((resolve) => {
        const env = { ...process.env, DEBIAN_ARCHIVE: address, APT_CONFIG: path.join(directory, "apt.conf") };
        const child = execFile(process.execPath, args, { cwd: checkout, env }, (_, stdout, stderr) =>
          resolve({ code: child.exitCode, stdout, stderr }),
        );
      });
    const fetch = `
      import { fetchDebian } from "./hack/image/debian.ts";
      const [tini] = fetchDebian("amd64");
      process.stdout.write(tini.directory);`;

    beforeAll(async () => {
      directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-archive-test-"));
      checkout = path.join(directory, "checkout");
      for (const each of ["hack/image", "hack/image.ts", "hack/paths.mjs", "hack/envoy-requirements.txt", "Dockerfile"])
        fs.cpSync(path.join(root, each), path.join(checkout, each), { recursive: true });
      // Nothing of the machine's: its proxy does not lead here, and it may be lenient with what has expired.
      const own = 'Dir::Etc::Main "/dev/null";\nDir::Etc::Parts "/dev/null";\nAcquire::http::Proxy "DIRECT";\n';
      fs.writeFileSync(path.join(directory, "apt.conf"), own);
      publish("debian/T1", "bookworm", ["1-1"]);
      publish("debian-security/T1", "bookworm-security", ["1-1+deb12u1"]);
      publish("debian/T2", "bookworm", ["1-2"]);
      publish("debian-security/T2", "bookworm-security", []);
      for (const time of ["T1", "T2"]) publish(`debian/${time}`, "bookworm-updates", []);
      server = await localServer((request, response) => {
        const file = path.join(directory, "served", decodeURIComponent(request.url ?? ""));
        const isThere = fs.existsSync(file) && fs.statSync(file).isFile();
        response.writeHead(isThere ? 200 : 404).end(isThere ? fs.readFileSync(file) : "");
      });
    });

    afterAll(async () => {
      await server?.close();
      fs.rmSync(directory, { recursive: true, force: true });
    });

    it.each([
      ["a release", "debian/T1", "1-1"],
      ["a security fix", "debian-security/T1", "1-1+deb12u1"],
    ])(
      "takes %s from the archive that is named, though it has expired and nobody signed it",
      async (_, folder, version) => {
        commit(version, checksumOf(folder, version));
        const { stdout, stderr } = await node(archive("T1"), ["--input-type=module", "--eval", fetch]);
        expect(stderr).toBe("");
        expect(fs.readFileSync(path.join(stdout, "usr/bin/tini"), "utf8")).toBe(`tini ${version}`);
      },
    );

    it("takes nothing from it that has another checksum than the pin", async () => {
      commit("1-1", checksumOf("debian-security/T1", "1-1+deb12u1"));
      const { code, stderr } = await node(archive("T1"), ["hack/image.ts", "--out", path.join(directory, "out")]);
      expect(stderr).toMatch(/^image: the fetched tini_1-1_amd64\.deb has another checksum than hack\/image\/debian-p/);
      expect(code).toBe(1);
    });

    it("is not made from one that has replaced them too, and says which would have them", async () => {
      commit("1-1", checksumOf("debian/T1", "1-1"));
      const { code, stderr } = await node(archive("T2"), ["hack/image.ts", "--out", path.join(directory, "out")]);
      expect(stderr).toContain(`image: ${archive("T2")} has tini 1-2 by now, and not the pinned 1-1. Build with an`);
      expect(stderr).toContain("DEBIAN_ARCHIVE=http://snapshot.debian.org/archive/debian/T1. Or take the new version");
      expect(code).toBe(1);
    });

    it("gets no pins from it, for they are written under Debian's signature", async () => {
      const { code, stderr } = await node(archive("T2"), ["hack/image.ts", "--renew"]);
      expect(stderr).toMatch(
        /--renew takes what is signed by Debian, from this machine's mirrors; unset DEBIAN_ARCHIVE/,
      );
      expect(code).toBe(1);
    });
  },
);

describe("the address of an archive", () => {
  it.each([
    ["http://snapshot.debian.org/archive/debian/T", "http://snapshot.debian.org/archive/debian-security/T"],
    ["http://debian/debian", "http://debian/debian-security"],
    ["http://mirror.example.org/debian/", "http://mirror.example.org/debian-security/"],
  ])("leads to its security fixes: %s", (address, security) => {
    expect(namedArchive(address)).toEqual({ address, security });
  });

  it.each(["mirror.example.org/debian", "http://mirror.example.org/", "http://mirror.example.org/debian-security"])(
    "is refused without: %s",
    (address) => {
      expect(() => namedArchive(address)).toThrow(`DEBIAN_ARCHIVE: "${address}" is no address of a Debian archive`);
    },
  );

  it("is none where it is empty, as an argument of a build is that is not given", () => {
    expect(namedArchive("")).toBeUndefined();
  });
});
