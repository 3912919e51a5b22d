import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { writeKubeconfig } from "../cluster/kubeconfig.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Bundle, installBundle, metafileOf } from "../e2e/support/bundle.ts";
import { selfSigned } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { type AdmissionProcess, post, startAdmission } from "./process.ts";
import { mapping, responseOf, review } from "./reviews.ts";

const root = join(import.meta.dirname, "../..");
mkdirSync(join(root, ".cache"), { recursive: true });
const directory = mkdtempSync(join(root, ".cache/admission-test-"));
let bundle: Bundle;
let kubeconfig: string;

beforeAll(async () => {
  bundle = await installBundle();
  kubeconfig = writeKubeconfig(join(directory, "kubeconfig"), {
    serverUrl: `https://127.0.0.1:${await freePort()}`,
    certificateAuthority: (await selfSigned({ hosts: ["127.0.0.1"] })).certificatePem,
    token: "none",
    user: "nobody",
    namespace: "default",
  });
}, 120_000);
afterAll(() => {
  bundle.remove();
  rmSync(directory, { recursive: true, force: true });
});

describe.each([
  ["the sources", () => join(root, "cli/main.ts")],
  ["the bundle", () => bundle.program],
])("nuncio admission, from %s, with no cluster to be reached", (_, program) => {
  let admission: AdmissionProcess;
  beforeAll(async () => {
    // What could have Pepr drop the webhook's half, or print to standard output.
    const env = { PEPR_WATCH_MODE: "true", LOG_LEVEL: "debug", NUNCIO_ENVOY: bundle.envoy };
    admission = await startAdmission({ kubeconfig, program: program(), env });
  });
  afterAll(() => admission.stop());

  const ask = async (candidate: Parameters<typeof review>[0]) =>
    responseOf((await post(admission.url, JSON.stringify(review(candidate)))).body);

  it("is alive and not ready, and says why", async () => {
    expect(await admission.admin("/healthz")).toMatchObject({ status: 200 });
    expect(await post(admission.url, "", { path: "/healthz", method: "GET" })).toMatchObject({ status: 200 });
    expect((await admission.admin("/readyz")).status).toBe(503);
    expect((await admission.admin("/readyz")).body).toMatch(/^not ready: ./);
  });

  it("judges by schema alone, and says so", async () => {
    const { allowed, warnings } = await ask(mapping("m", { resolver: "nope" }));
    expect(allowed).toBe(true);
    expect(warnings).toEqual([expect.stringContaining("the state of the cluster has not been read yet")]);
    expect(await ask(mapping("m", { timeout_ms: "3s" }))).toMatchObject({
      allowed: false,
      status: { code: 422, message: expect.stringContaining("Mapping default/m: spec.timeout_ms: ") },
    });
  });

  it("counts what it answers and writes nothing to standard output", async () => {
    const { body } = await admission.admin("/metrics");
    expect(body).toMatch(/nuncio_admission_reviews_total\{kind="Mapping",outcome="denied"\} 1/);
    expect(body).toMatch(/nuncio_admission_certificate_expiry_timestamp_seconds \d{10}/);
    expect(admission.stdout()).toBe("");
    expect(admission.log()).toContain("denied: Mapping default/m: spec.timeout_ms");
  });

  it("serves a new certificate when its files change, without a restart", async () => {
    const renewed = await selfSigned({ hosts: ["127.0.0.1"] });
    expect(await admission.servedSerial()).toBe(admission.certificate.serial);
    admission.writeCertificate(renewed);
    await eventually("the new serial", async () => (await admission.servedSerial()) === renewed.serial);
    expect(admission.log()).toContain(`serving a new certificate serial=${renewed.serial}`);
  });

  it("ends with 0 on SIGTERM", async () => {
    expect(await admission.stop()).toBe(0);
  });
});

describe("nuncio admission, used wrongly", () => {
  const run = (...args: string[]): Promise<{ code: number; stderr: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, KUBECONFIG: kubeconfig };
      execFile(
        process.execPath,
        [join(root, "cli/main.ts"), "admission", ...args],
        { cwd: directory, env },
        (error, _out, stderr) => resolve({ code: typeof error?.code === "number" ? error.code : 0, stderr }),
      );
    });

  it("says every flag that is wrong, and what to write", async () => {
    const { code, stderr } = await run("--port", "99999", "--admin-port", "x");
    expect(code).toBe(2);
    expect(stderr).toContain('--port="99999": write a whole number from 1 to 65535');
    expect(stderr).toContain("--admin-port");
    expect(stderr).toContain("--cert");
    expect(stderr).toContain("NUNCIO_ADMISSION_KEY");
    expect((await run("--port", "8443", "--admin-port", "8443", "--cert", "a", "--key", "b")).stderr).toContain(
      "choose another one",
    );
  });

  it("names the file that is wrong, and ends", async () => {
    const { code, stderr } = await run("--cert", "none.crt", "--key", "none.key");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^nuncio: the file .*none\.crt is not there; name the files with --cert PATH/),
    });
  });

  it("ends when a port is taken", async () => {
    const taken = await startAdmission({ kubeconfig });
    try {
      const { certificatePem, keyPem } = taken.certificate;
      writeFileSync(join(directory, "a.crt"), certificatePem);
      writeFileSync(join(directory, "a.key"), keyPem);
      const port = new URL(taken.url).port;
      const { code, stderr } = await run(
        "--port",
        port,
        "--admin-port",
        `${await freePort()}`,
        "--cert",
        "a.crt",
        "--key",
        "a.key",
      );
      expect(stderr).toContain(`the admission port ${port} is held by another process`);
      expect(code).toBe(1);
    } finally {
      await taken.stop();
    }
  });
});

describe("the bundle", () => {
  it("has Pepr in a part of its own, which the gateway does not load", () => {
    const outputs = new Map(
      Object.entries(metafileOf(bundle).outputs).map(([file, output]) => [basename(file), output]),
    );
    const loaded = (name: string, seen = new Set<string>()): Set<string> => {
      if (seen.has(name)) return seen;
      seen.add(name);
      for (const each of outputs.get(name)?.imports ?? []) {
        if (each.kind === "import-statement") loaded(basename(each.path), seen);
      }
      return seen;
    };
    const holding = [...outputs].filter(([, { inputs }]) =>
      Object.keys(inputs).some((file) => /node_modules\/(pepr|kubernetes-fluent-client)\//.test(file)),
    );
    const parts = holding.map(([name]) => name);
    expect(parts).toHaveLength(1);
    const entries = [
      "nuncio.js",
      ...[...outputs.keys()].filter((name) => /^(run|control-plane|check|translate|admission)-/.test(name)),
    ];
    expect(entries.length).toBeGreaterThanOrEqual(5);
    for (const entry of entries) for (const part of parts) expect(loaded(entry)).not.toContain(part);
  });
});

describe("nuncio admission for objects of a label", () => {
  it("judges none without it, which are not watched either", async () => {
    const admission = await startAdmission({ kubeconfig, env: { AMBASSADOR_LABEL_SELECTOR: "team=blue" } });
    try {
      const allowed = async (labels: object): Promise<boolean> => {
        const candidate = mapping("m", { timeout_ms: "3s" }, { labels });
        return responseOf((await post(admission.url, JSON.stringify(review(candidate)))).body).allowed;
      };
      expect(await allowed({ team: "blue" })).toBe(false);
      expect(await allowed({ team: "red" })).toBe(true);
    } finally {
      await admission.stop();
    }
  });
});
