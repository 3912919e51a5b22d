import { execFileSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, secretOf, tlsContextOf } from "../support/manifests.ts";
import { requestTls, type TlsAnswer } from "../support/tls-client.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-files-"));
let backend: EchoBackend;
let port: number;
let authority: Certificate;
let one: Certificate;
let two: Certificate;
let client: Certificate;

beforeAll(async () => {
  [backend, port, authority] = await Promise.all([
    echoBackend("one"),
    freePort(),
    selfSigned({ hosts: ["authority"], isAuthority: true }),
  ]);
  const signed = (name: string) => signedBy(authority, { hosts: [name] });
  [one, two, client] = await Promise.all([signed("one"), signed("two"), signed("client")]);
});

afterAll(async () => {
  await backend.close();
  fs.rmSync(root, { recursive: true, force: true });
});

/** A directory as Kubernetes mounts a Secret: files are links into a directory that is swapped as a whole. */
function mount(name: string) {
  const directory = path.join(root, name);
  let version = 0;
  return {
    file: (file: string) => path.join(directory, file),
    write(files: Readonly<Record<string, string>>): void {
      const content = path.join(directory, `..${++version}`);
      fs.mkdirSync(content, { recursive: true });
      for (const [file, text] of Object.entries(files)) {
        fs.writeFileSync(path.join(content, file), text);
        const link = path.join(directory, file);
        if (fs.lstatSync(link, { throwIfNoEntry: false }) === undefined)
          fs.symlinkSync(path.join("..data", file), link);
      }
      fs.symlinkSync(`..${version}`, path.join(directory, "..data.new"));
      fs.renameSync(path.join(directory, "..data.new"), path.join(directory, "..data"));
    },
  };
}

const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });

const labels = { files: "yes" };
const listener = () =>
  listenerOf("tls", {
    port,
    protocol: "HTTPS",
    securityModel: "XFP",
    hostBinding: { selector: { matchLabels: labels } },
  });
const host = (name: string, spec: object) => hostOf(name, { hostname: `${name}.test`, ...spec }, labels);
const all = () => mapping("all", { prefix: "/", service: backend.service });
const request = (servername: string, more: object = {}) => requestTls({ port, servername, ...more });
const served = (servername: string, accept: (answer: TlsAnswer) => boolean = () => true, more: object = {}) =>
  eventually(`${servername} is served`, async () => {
    const answer = await request(servername, more);
    return accept(answer) && answer.status === 200 ? answer : undefined;
  });
const codes = (gateway: Gateway) => gateway.problems().map(({ code }) => code);

describe("certificates from files", () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });

  afterAll(() => gateway.stop());

  // shows: TLSContext.cert_chain_file TLSContext.private_key_file TLSContext.cacert_chain_file
  it("are those of a Host's tls, or of the TLSContext that it names; clients are verified by an authority's file", async () => {
    const [own, shared] = [mount("own"), mount("shared")];
    own.write(pair(one));
    shared.write({ ...pair(two), "ca.crt": authority.certificatePem });
    const files = (from: typeof own) => ({
      cert_chain_file: from.file("tls.crt"),
      private_key_file: from.file("tls.key"),
    });
    const problems = await gateway.apply(
      listener() +
        all() +
        host("a", { tls: files(own) }) +
        host("b", { tlsContext: { name: "files" } }) +
        tlsContextOf("files", { ...files(shared), cacert_chain_file: shared.file("ca.crt"), cert_required: true }),
    );
    expect(problems).toEqual([]);
    expect((await served("a.test")).serial).toBe(one.serial);
    const tls = { cert: client.certificatePem, key: client.keyPem };
    expect((await served("b.test", undefined, { tls })).serial).toBe(two.serial);
    await expect(request("b.test")).rejects.toThrow();
  });

  it("are read again when they change, under open connections, and keep serving when they are spoilt or gone", async () => {
    const files = mount("rotated");
    files.write(pair(one));
    const tls = { cert_chain_file: files.file("tls.crt"), private_key_file: files.file("tls.key") };
    expect(await gateway.apply(listener() + all() + host("r", { tls }))).toEqual([]);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const held = await eventually("served", () => request("r.test", { agent }));
    files.write(pair(two));
    await served("r.test", ({ serial }) => serial === two.serial);
    files.write({ ...pair(one), "tls.key": two.keyPem });
    await eventually("the problem", () => codes(gateway).includes("InvalidSecret"));
    expect((await served("r.test")).serial).toBe(two.serial);
    fs.rmSync(files.file("..data"));
    await eventually("the problem", () => codes(gateway).includes("FileUnreadable"));
    expect((await served("r.test")).serial).toBe(two.serial);
    files.write(pair(one));
    await served("r.test", ({ serial }) => serial === one.serial);
    expect(codes(gateway)).toEqual([]);
    const still = await request("r.test", { agent });
    expect(still).toMatchObject({ status: 200, localPort: held.localPort });
    agent.destroy();
  });

  it("that are missing are a problem of their Host alone, which is served as soon as they are there", async () => {
    const files = mount("late");
    const tls = { cert_chain_file: files.file("tls.crt"), private_key_file: files.file("tls.key") };
    const good = secretOf("good", pair(one)) + host("good", { tlsSecret: { name: "good" } });
    const problems = await gateway.apply(listener() + all() + good + host("late", { tls }));
    expect(problems).toMatchObject([
      {
        code: "FileUnreadable",
        object: { kind: "Host", name: "late" },
        path: ["spec", "tls", "cert_chain_file"],
        message: `${JSON.stringify(files.file("tls.crt"))} cannot be read: there is no such file`,
      },
    ]);
    await served("good.test");
    await expect(request("late.test")).rejects.toThrow();
    files.write(pair(two));
    expect((await served("late.test").catch(() => served("late.test"))).serial).toBe(two.serial);
    expect(codes(gateway)).toEqual([]);
  });

  it("are files: a device without an end and a pipe that nobody writes to harm only who names them", async () => {
    const files = mount("device");
    files.write(pair(one));
    const pipe = files.file("pipe");
    execFileSync("mkfifo", [pipe]);
    const tls = (chain: string) => ({ cert_chain_file: chain, private_key_file: files.file("tls.key") });
    const problems = await gateway.apply(
      listener() +
        all() +
        host("good", { tls: tls(files.file("tls.crt")) }) +
        host("device", { tls: tls("/dev/zero") }) +
        host("pipe", { tls: tls(pipe) }),
    );
    expect(problems.map(({ code, object, message }) => [code, object.name, message])).toEqual(
      ["device", "pipe"].map((name) => ["FileUnreadable", name, expect.stringContaining("it is not a regular file")]),
    );
    expect((await served("good.test")).serial).toBe(one.serial);
  });

  it("may be named by a TLSContext in an annotation", async () => {
    const files = mount("annotated");
    files.write(pair(one));
    const context = {
      ...{ apiVersion: "getambassador.io/v3alpha1", kind: "TLSContext", name: "inside" },
      ...{ cert_chain_file: files.file("tls.crt"), private_key_file: files.file("tls.key") },
    };
    const annotations = { "getambassador.io/config": JSON.stringify(context) };
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "bearer", annotations }, spec: {} };
    const written = `---\n${JSON.stringify(service)}\n` + host("inside", { tlsContext: { name: "inside" } });
    expect(await gateway.apply(listener() + all() + written)).toEqual([]);
    expect((await served("inside.test")).serial).toBe(one.serial);
  });

  it("are kept for the last good version of who names them", async () => {
    const files = mount("kept");
    files.write(pair(one));
    const tls = { cert_chain_file: files.file("tls.crt"), private_key_file: files.file("tls.key") };
    expect(await gateway.apply(listener() + all() + host("kept", { tls }))).toEqual([]);
    const problems = await gateway.apply(listener() + all() + host("kept", { tls, requestPolicy: "Route" }));
    expect(problems.map(({ code }) => code)).toEqual(["InvalidField"]);
    files.write(pair(two));
    expect((await served("kept.test", ({ serial }) => serial === two.serial)).serial).toBe(two.serial);
  });

  it("go together, and a tlsSecret wins over them", async () => {
    const files = mount("both");
    files.write(pair(one));
    const tls = { cert_chain_file: files.file("tls.crt"), private_key_file: files.file("tls.key") };
    const half = { cert_chain_file: files.file("tls.crt") };
    const problems = await gateway.apply(
      listener() +
        all() +
        secretOf("two", pair(two)) +
        host("both", { tls, tlsSecret: { name: "two" } }) +
        host("half", { tls: half }),
    );
    expect(problems.map(({ code, object, path }) => [code, object.name, path.join(".")])).toEqual([
      ["IgnoredField", "both", "spec.tls.cert_chain_file"],
      ["InvalidField", "half", "spec.tls.cert_chain_file"],
    ]);
    expect((await served("both.test")).serial).toBe(two.serial);
  });
});

it("certificates from files are read by Envoy where nobody else does", async () => {
  const gateway = await startGateway({ readsFiles: false });
  try {
    const files = mount("envoy");
    files.write({ ...pair(one), "ca.crt": authority.certificatePem });
    const tls = {
      cert_chain_file: files.file("tls.crt"),
      private_key_file: files.file("tls.key"),
      cacert_chain_file: files.file("ca.crt"),
    };
    expect(await gateway.apply(listener() + all() + host("e", { tls }))).toEqual([]);
    expect((await served("e.test")).serial).toBe(one.serial);
    files.write({ ...pair(two), "ca.crt": authority.certificatePem });
    await served("e.test", ({ serial }) => serial === two.serial);
  } finally {
    await gateway.stop();
  }
});
