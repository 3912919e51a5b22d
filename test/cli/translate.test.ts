import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { envoyPath, root } from "../../hack/paths.mjs";
import { selfSigned } from "../support/certificates.ts";
import { directoryWith, listener, mapping, nuncio } from "./nuncio.ts";

const made: string[] = [];

function manifests(files: Readonly<Record<string, string>>): string {
  const directory = directoryWith(files);
  made.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
});

function envoyValidates(configuration: string, extension: string): string {
  const file = path.join(manifests({ [`envoy.${extension}`]: configuration }), `envoy.${extension}`);
  const { stdout, stderr } = spawnSync(envoyPath, ["--mode", "validate", "-c", file, "-l", "error"], {
    encoding: "utf8",
  });
  return `${stdout}${stderr}`;
}

const tlsHost = `apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: example }
spec: { hostname: www.example.com, tlsSecret: { name: www-example-com } }
---
${listener.replace("port: 8080, protocol: HTTP,", "port: 8443, protocol: HTTPS,")}`;

describe("nuncio translate", () => {
  it.each(["yaml", "json"])("prints the examples as a configuration that Envoy accepts, as %s", async (format) => {
    const { code, stdout, stderr } = await nuncio(["translate", "-o", format, "examples"], { cwd: root });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { static_resources: resources } = (format === "json" ? JSON.parse(stdout) : parse(stdout)) as {
      static_resources: { listeners: unknown[]; clusters: unknown[] };
    };
    expect(resources.listeners).toHaveLength(1);
    expect(resources.clusters.length).toBeGreaterThanOrEqual(3);
    expect(envoyValidates(stdout, format)).toContain(" OK\n");
  });

  it("is YAML unless told otherwise", async () => {
    const { stdout } = await nuncio(["translate", "examples/quote.yaml"], { cwd: root });
    expect(stdout).toMatch(/^static_resources:$/m);
  });

  it("has the endpoints of Services that stand beside the Mappings, and none of what only Consul knows", async () => {
    const service = `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.1, ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 80 }]
endpoints: [{ addresses: [10.0.0.7] }]
`;
    const mappings = [
      mapping("web", "prefix: /web/", "service: web"),
      mapping("consul", "prefix: /consul/", "service: other", "resolver: consul"),
    ];
    const directory = manifests({ "all.yaml": [listener, service, ...mappings].join("---\n") });
    const { code, stdout } = await nuncio(["translate", "-o", "json", directory]);
    expect(code).toBe(0);
    const { static_resources: resources } = JSON.parse(stdout) as {
      static_resources: { clusters: { alt_stat_name: string; load_assignment: { endpoints?: unknown } }[] };
    };
    const text = (name: string) =>
      JSON.stringify(resources.clusters.find((each) => each.alt_stat_name === name)?.load_assignment.endpoints ?? []);
    expect([text("web_80"), text("other_80")]).toEqual([expect.stringContaining('"10.0.0.7"'), "[]"]);
    expect(envoyValidates(stdout, "json")).toContain(" OK\n");
  });

  it("puts a throw-away key in the place of each private key, unless --show-secrets is given", async () => {
    const { certificatePem, keyPem } = await selfSigned({ hosts: ["www.example.com"] });
    const stringData = { "tls.crt": certificatePem, "tls.key": keyPem };
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "www-example-com" },
      type: "kubernetes.io/tls",
      stringData,
    };
    const cwd = manifests({
      "tls.yaml": tlsHost,
      "secret.yaml": JSON.stringify(secret),
      "mapping.yaml": mapping("a", "prefix: /", "service: http://127.0.0.1:9001"),
    });
    const own = keyPem.split("\n")[1] ?? "";
    // Envoy's JSON holds bytes as base64.
    const holds = (text: string) =>
      text.includes(own) || text.includes(Buffer.from(keyPem).toString("base64").slice(0, 60));

    const hidden = await nuncio(["translate", "-o", "json", "."], { cwd });
    expect({ code: hidden.code, stderr: hidden.stderr }).toEqual({ code: 0, stderr: "" });
    expect(holds(hidden.stdout)).toBe(false);
    expect(envoyValidates(hidden.stdout, "json")).toContain(" OK\n");

    const shown = await nuncio(["translate", "-o", "json", "--show-secrets", "."], { cwd });
    expect(holds(shown.stdout)).toBe(true);
    expect(envoyValidates(shown.stdout, "json")).toContain(" OK\n");
  });

  it("prints errors on standard error, leaves out what they are about, and exits with 1; warnings are check's affair", async () => {
    const cwd = manifests({
      "gateway.yaml": listener,
      "good.yaml": mapping("good", "prefix: /good/", "service: http://127.0.0.1:9001", "timeout: 1"),
      "bad.yaml": mapping("bad", "prefix: bad/", "service: http://127.0.0.1:9002"),
    });
    const { code, stdout, stderr } = await nuncio(["translate", "."], { cwd });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: Mapping default/bad: spec.prefix: "bad/" does not start with a slash, so that no path would ever match; write "/bad/"\n',
    );
    expect(stdout).toContain("prefix: /good/");
    expect(stdout).not.toContain("9002");
    expect(envoyValidates(stdout, "yaml")).toContain(" OK\n");
  });

  it("exits with 2 when it is used wrongly", async () => {
    const missing = await nuncio(["translate", "missing"], { cwd: root });
    expect(missing).toEqual({ code: 2, stdout: "", stderr: "nuncio: there is no file or directory missing\n" });
    const { code, stderr } = await nuncio(["translate", "-o", "text", "examples"], { cwd: root });
    expect(code).toBe(2);
    expect(stderr).toContain("Write one of yaml, json.");
  });
});
