import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { parseResource } from "../../crds/parse.ts";
import { type AnyResource, type Resources, sortResources } from "../../crds/resources.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type IstioCertificates, watchIstioCertificates } from "../../runtime/istio-certificates.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { memoryLog } from "./memory-log.ts";

let directory: string;
let stopped: AbortController;
let changes: number;
let pairs: readonly Certificate[];
let aheadMs: number;
const log = memoryLog();

beforeAll(async () => {
  pairs = await Promise.all(["one", "two", "three"].map((name) => selfSigned({ hosts: [name] })));
});

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-istio-"));
  stopped = new AbortController();
  changes = 0;
  aheadMs = 0;
});

afterEach(() => {
  stopped.abort();
  fs.rmSync(directory, { recursive: true, force: true });
});

const clock: Clock = { now: () => systemClock.now() + aheadMs, setTimer: systemClock.setTimer };
const file = (name: string) => path.join(directory, "certs", name);
const pair = (index: number) => pairs[index] as Certificate;

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(file(name)), { recursive: true });
  fs.writeFileSync(file(name), text);
}

function watch(): IstioCertificates {
  return watchIstioCertificates({
    directory: path.join(directory, "certs"),
    namespace: "gateway",
    log,
    clock,
    signal: stopped.signal,
    onChange: () => changes++,
  });
}

const empty: Resources = sortResources([]).value;
const text = (watched: IstioCertificates, key: "cert-chain.pem" | "key.pem" | "root-cert.pem", resources = empty) => {
  const secret = watched.over(resources).secrets.find(({ name }) => name === "istio-certs");
  return secret === undefined ? undefined : Buffer.from(secret.spec.data[key]?.reveal() ?? []).toString();
};

describe("the Secret istio-certs", () => {
  it("is what stands in the directory, once there are both and they belong together", async () => {
    const watched = watch();
    expect(watched.over(empty)).toBe(empty);
    write("key.pem", pair(0).keyPem);
    write("cert-chain.pem", pair(1).certificatePem);
    write("root-cert.pem", pair(2).certificatePem);
    await eventually("it has been looked at", () => fs.existsSync(file("key.pem")));
    write("cert-chain.pem", pair(0).certificatePem);
    await eventually("it is there", () => changes === 1);
    const { secrets } = watched.over(empty);
    expect(secrets.map(({ namespace, name, problems }) => [namespace, name, problems])).toEqual([
      ["gateway", "istio-certs", []],
    ]);
    expect(text(watched, "cert-chain.pem")).toBe(pair(0).certificatePem);
    expect(text(watched, "root-cert.pem")).toBe(pair(2).certificatePem);
  });

  it("changes when both files are others, be they replaced in place, by rename or by a link as volumes do it", async () => {
    write("key.pem", pair(0).keyPem);
    write("cert-chain.pem", pair(0).certificatePem);
    const watched = watch();
    expect(changes).toBe(1);
    write("key.pem", pair(1).keyPem);
    write("cert-chain.pem", pair(1).certificatePem.slice(0, 100));
    write("cert-chain.pem", pair(1).certificatePem);
    await eventually("in place", () => text(watched, "cert-chain.pem") === pair(1).certificatePem);
    write("next-key", pair(2).keyPem);
    write("next-chain", pair(2).certificatePem);
    fs.renameSync(file("next-chain"), file("cert-chain.pem"));
    fs.renameSync(file("next-key"), file("key.pem"));
    await eventually("by rename", () => text(watched, "key.pem") === pair(2).keyPem);
    for (const [index, version] of [
      [0, "v1"],
      [1, "v2"],
    ] as const) {
      write(`${version}/key.pem`, pair(index).keyPem);
      write(`${version}/cert-chain.pem`, pair(index).certificatePem);
    }
    const point = (version: string) => {
      fs.symlinkSync(version, file("..tmp"));
      fs.renameSync(file("..tmp"), file("..data"));
    };
    point("v1");
    for (const name of ["key.pem", "cert-chain.pem"]) {
      fs.rmSync(file(name));
      fs.symlinkSync(`..data/${name}`, file(name));
    }
    await eventually("by a link", () => text(watched, "key.pem") === pair(0).keyPem);
    point("v2");
    await eventually("by another link", () => text(watched, "key.pem") === pair(1).keyPem);
  });

  it("stays when a file vanishes or is spoilt, which is told after a while", async () => {
    write("key.pem", pair(0).keyPem);
    write("cert-chain.pem", pair(0).certificatePem);
    const watched = watch();
    fs.rmSync(file("key.pem"));
    aheadMs = 0;
    await eventually("it is told", () => {
      aheadMs += 1000;
      return /there is no key\.pem; the certificate before stays/.test(log.lines.join("\n"));
    });
    expect(text(watched, "key.pem")).toBe(pair(0).keyPem);
    write("key.pem", "garbage");
    await eventually("it is told", () => /key\.pem is not complete/.test(log.lines.join("\n")));
    expect([text(watched, "key.pem"), changes]).toEqual([pair(0).keyPem, 1]);
    expect(log.lines.join("\n")).not.toMatch(/BEGIN/);
  });

  it("stands in place of the cluster's of that name, and leaves everything else as it is", () => {
    write("key.pem", pair(0).keyPem);
    write("cert-chain.pem", pair(0).certificatePem);
    const watched = watch();
    const secret = (name: string) =>
      parseResource({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, namespace: "gateway", uid: name },
        stringData: { "tls.crt": pair(1).certificatePem, "tls.key": pair(1).keyPem },
      }).resource as AnyResource;
    const resources = sortResources([secret("istio-certs"), secret("other")]).value;
    const now = watched.over(resources);
    expect(now.secrets.map(({ name, uid }) => [name, uid])).toEqual([
      ["istio-certs", ""],
      ["other", "other"],
    ]);
    expect(watched.over(resources)).toBe(now);
    expect(now.mappings).toBe(resources.mappings);
  });
});
