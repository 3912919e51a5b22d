import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { stringify } from "yaml";
import { compileState } from "../../cli/state/compiled.ts";
import { loadState } from "../../cli/state/load-state.ts";
import { formatProblem } from "../../ir/problem.ts";
import { freePort } from "../cluster/loopback.ts";
import { selfSigned } from "../support/certificates.ts";
import { directoryWith, listener, mapping, nuncio } from "./nuncio.ts";

const nowMs = Date.UTC(2026, 0, 1);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const manifest = (kind: string, name: string, rest: object, apiVersion = "getambassador.io/v3alpha1") =>
  stringify({ apiVersion, kind, metadata: { name }, ...rest });
const host = (name: string, spec: object) =>
  manifest("Host", name, { spec: { hostname: `${name}.example.com`, ...spec } });

let directory: string;
/** What must be in no bundle. */
let secrets: readonly string[];

beforeAll(async () => {
  const [good, other, over] = await Promise.all([
    selfSigned({ hosts: ["good.example.com"] }),
    selfSigned({ hosts: ["other.example.com"] }),
    selfSigned({ hosts: ["over.example.com"], notAfter: new Date("2020-01-01") }),
  ]);
  const secret = (name: string, data: Readonly<Record<string, string>>, more: object = {}) =>
    manifest("Secret", name, { metadata: { name, ...more }, data }, "v1");
  const pair = (certificate: string, key: string) => ({ "tls.crt": base64(certificate), "tls.key": base64(key) });
  const lastApplied = JSON.stringify({ stringData: { password: "hunter-in-annotation" } });
  const certificates = [
    secret(
      "good",
      { ...pair(good.certificatePem, good.keyPem), password: base64("hunter-in-data") },
      {
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": lastApplied },
      },
    ),
    secret("stray", pair(good.certificatePem, other.keyPem)),
    secret("over", pair(over.certificatePem, over.keyPem)),
    secret("combined", pair(good.keyPem + good.certificatePem, good.keyPem)),
    secret("nonsense", { "tls.crt": base64("hunter-as-certificate"), "tls.key": "hunter-not-base64!" }),
    secret("nobodys", { "tls.key": base64("hunter-of-nobody") }),
    secret("ca", { "ca.crt": base64(other.certificatePem), cert_required: base64("true") }),
  ];
  const hosts = ["good", "stray", "over", "combined", "nonsense", "missing"].map((name) =>
    host(name, { tlsSecret: { name } }),
  );
  const annotated = manifest(
    "Service",
    "annotated",
    {
      metadata: {
        name: "annotated",
        annotations: {
          "vendor.example.com/login": "hunter-of-vendor",
          "getambassador.io/config": mapping(
            "within",
            "prefix: /w/",
            "service: x",
            "add_request_headers:",
            "  x-api-key: { value: hunter-within }",
          ),
        },
      },
      spec: { clusterIP: "10.0.0.1", ports: [{ port: 80 }] },
    },
    "v1",
  );
  const deployment = manifest(
    "Deployment",
    "web",
    { spec: { env: [{ name: "X", value: "hunter-in-env" }] } },
    "apps/v1",
  );
  const odd = [
    mapping(
      "headers",
      "prefix: /h/",
      "service: annotated",
      "add_request_headers:",
      "  Authorization: { value: Basic hunter-in-header }",
    ),
    mapping("login", "prefix: /l/", "service: http://me:hunter-in-url@annotated/v1"),
    mapping("late", "prefix: /late/", "service: annotated", "timeout_ms: 5s"),
    mapping("good", "prefix: /good/", "service: annotated", "hostname_: x"),
  ];
  const context = manifest("TLSContext", "clients", {
    spec: { hosts: ["good.example.com"], secret: "good", ca_secret: "ca" },
  });
  directory = directoryWith({
    "all.yaml": [listener, ...certificates, ...hosts, annotated, deployment, ...odd, context].join("---\n"),
    "broken.yaml": "a: [\n",
    "twice.yaml": odd[3] ?? "",
  });
  const bodies = [good, other, over].map(({ keyPem }) => keyPem.split("\n")[1] ?? "");
  secrets = ["hunter", ...bodies, ...bodies.map(base64), base64("hunter-in-data"), "PRIVATE KEY-----"];
});

afterAll(() => fs.rmSync(directory, { recursive: true }));

describe("nuncio bundle", () => {
  it("is compiled anywhere as what it was made of is, and holds no secret", async () => {
    const made = await nuncio(["bundle", "--from", directory, "-o", "bundle.json.gz"], {
      cwd: directory,
      env: { X: "hunter" },
    });
    expect(made).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("private keys are not in it") });
    const file = path.join(directory, "bundle.json.gz");
    const text = gunzipSync(fs.readFileSync(file)).toString("utf8");
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
    expect(text).toContain("BEGIN CERTIFICATE");

    const original = compileState(await loadState({ from: directory }, {}), nowMs);
    const copy = compileState(await loadState({ from: file }, {}), nowMs);
    const told = ({ problems }: typeof copy) =>
      problems.map((problem) =>
        `${problem.severity} ${problem.code} ${formatProblem(problem)}`.replace(/me:\S+?@|\[redacted\]@/, ""),
      );
    expect(told(copy)).toEqual(told(original));
    expect(told(copy).join()).toMatch(/CertificateExpired.*DuplicateObject|DuplicateObject.*CertificateExpired/);
    for (const type of ["listener", "route", "cluster", "secret"] as const) {
      expect([...copy.snapshot[type].keys()]).toEqual([...original.snapshot[type].keys()]);
    }
    const unchanged = ["listener", "cluster"] as const;
    for (const type of unchanged) {
      expect([...copy.snapshot[type].values()].map(({ version }) => version)).toEqual(
        [...original.snapshot[type].values()].map(({ version }) => version),
      );
    }
  });

  it("has what a gateway's admin port tells, and says when nothing answers there", async () => {
    const server = http.createServer((request, response) => response.end(`answer of ${request.url}`));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const args = ["bundle", "--from", directory, "-o", "plain.json", "--gateway"];
      const { code, stdout } = await nuncio([...args, `http://127.0.0.1:${port}`], { cwd: directory });
      expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
      const saved = JSON.parse(fs.readFileSync(path.join(directory, "plain.json"), "utf8"));
      expect(saved.gateway).toContainEqual({ path: "/metrics", status: 200, text: "answer of /metrics" });
      const away = await nuncio([...args, `http://127.0.0.1:${await freePort()}`], { cwd: directory });
      expect(away).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^\/healthz of the gateway: .*ECONNREFUSED/),
      });
      expect((await nuncio(["bundle", "--from", directory, "--gateway", "10.0.0.1"])).code).toBe(2);
    } finally {
      server.close();
    }
  });

  it("refuses to read what is no bundle, or one of another format", async () => {
    const bad = path.join(directory, "bad.json");
    fs.writeFileSync(bad, '{"kind":"NuncioBundle","format":7}');
    await expect(loadState({ from: bad }, {})).rejects.toMatchObject({
      exitCode: 2,
      message: `${bad} is no bundle of nuncio's: its format is 7, and 1 is read`,
    });
    fs.rmSync(bad);
  });
});
