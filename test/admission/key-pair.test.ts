import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type KeyPair, readKeyPair, watchKeyPair } from "../../runtime/admission/key-pair.ts";
import { systemClock } from "../../runtime/clock.ts";
import { memoryLog } from "../runtime/memory-log.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";

const first = await selfSigned({ hosts: ["a.example"], notAfter: new Date("2099-01-01T00:00:00Z") });
const second = await selfSigned({ hosts: ["a.example"], key: "RSA-2048" });

describe("a key pair", () => {
  let directory: string;
  const files = () => ({ cert: join(directory, "tls.crt"), key: join(directory, "tls.key") });
  const write = ({ certificatePem, keyPem }: Certificate, into = directory): void => {
    writeFileSync(join(into, "tls.crt"), certificatePem);
    writeFileSync(join(into, "tls.key"), keyPem);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "nuncio-keys-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("is read", () => {
    write(first);
    const { serial, expiresAt } = readKeyPair(files());
    expect({ serial, expiresAt }).toEqual({ serial: first.serial, expiresAt: new Date("2099-01-01T00:00:00Z") });
  });

  it.each([
    ["nothing is there", () => undefined, /the file .*tls\.crt is not there/],
    ["the key is missing", () => (write(first), rmSync(files().key)), /the file .*tls\.key is not there/],
    [
      "the certificate is none",
      () => (write(first), writeFileSync(files().cert, "x")),
      /tls\.crt holds no certificate/,
    ],
    [
      "the key is none",
      () => (write(first), writeFileSync(files().key, "secret")),
      /tls\.key holds no private key(?!.*secret)/,
    ],
    [
      "they do not belong together",
      () => (write(first), writeFileSync(files().key, second.keyPem)),
      /is not that of the certificate/,
    ],
  ])("is refused when %s", (_, prepare, message) => {
    prepare();
    expect(() => readKeyPair(files())).toThrow(message);
  });

  describe("that is watched", () => {
    const stop = new AbortController();
    afterEach(() => stop.abort());

    it("is passed on when it changes as a whole, by files or by the link of a Secret's volume", async () => {
      const log = memoryLog();
      // As kubelet has it: tls.crt -> ..data/tls.crt, ..data -> ..2025_01
      const version = (name: string, certificate: Certificate): void => {
        mkdirSync(join(directory, name));
        write(certificate, join(directory, name));
        symlinkSync(name, join(directory, "..next"));
        renameSync(join(directory, "..next"), join(directory, "..data"));
      };
      version("..2025_01", first);
      for (const name of ["tls.crt", "tls.key"]) symlinkSync(join("..data", name), join(directory, name));
      const changes: KeyPair[] = [];
      const options = {
        files: files(),
        current: readKeyPair(files()),
        everyMs: 5,
        clock: systemClock,
        log,
        signal: stop.signal,
      };
      watchKeyPair({ ...options, onChange: (pair) => changes.push(pair) });

      version("..2025_02", second);
      await eventually("the second", () => changes.length === 1);
      expect(changes[0]?.serial).toBe(second.serial);

      writeFileSync(join(directory, "..2025_02/tls.crt"), first.certificatePem);
      await eventually("half a pair is told", () => log.lines.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(log.lines).toEqual([
        expect.stringMatching(/^warn .*stays in use: the key in .* is not that of the certificate/),
      ]);
      expect(changes).toHaveLength(1);

      writeFileSync(join(directory, "..2025_02/tls.key"), first.keyPem);
      await eventually("the first again", () => changes.length === 2);
      expect(changes[1]?.serial).toBe(first.serial);
    });
  });
});
