import { eventually } from "../support/eventually.ts";
import { afterAll, describe, expect, it } from "@jest/globals";
import { generatedFiles } from "../../hack/generate.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";

async function clusterIfGo(): Promise<Cluster | undefined> {
  try {
    return await startCluster();
  } catch (error) {
    if (error instanceof Error && error.name === "GoMissing") return undefined;
    throw error;
  }
}

const cluster = await clusterIfGo();
afterAll(() => cluster?.stop());

/** kubectl apply of an object of ours: its exit code and what it says. */
async function apply(kind: string, name: string, rest: string): Promise<{ code: number; text: string }> {
  const input = `apiVersion: getambassador.io/v3alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\n${rest}\n`;
  const options = { input, allowFail: true };
  const result = await cluster?.kubectl(["apply", "--server-side", "-f", "-"], options);
  return { code: result?.code ?? -1, text: `${result?.stdout}${result?.stderr}` };
}

(cluster === undefined ? describe.skip : describe)("a real API server", () => {
  it("accepts the CRDs, as structural ones", async () => {
    const texts = [...generatedFiles()].filter(([path]) => path.startsWith("crds/")).map(([, text]) => text);
    for (const text of texts) await cluster?.apply(text);
    // kubectl gives up on a CRD that has no conditions yet.
    const wait = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
    await eventually("the CRDs are established", async () => await cluster?.kubectl(wait));
    const { stdout = "" } = (await cluster?.kubectl(["get", "crd", "-o", "json"])) ?? {};
    const { items } = JSON.parse(stdout) as { items: { status: { conditions: { type: string; status: string }[] } }[] };
    expect(items).toHaveLength(14);
    for (const { status } of items) {
      expect(status.conditions.map(({ type, status }) => `${type} ${status}`).sort()).toEqual([
        "Established True",
        "NamesAccepted True",
      ]);
    }
  });

  it.each([
    [
      "Mapping",
      "spec: { prefix: /, service: quote, redirect_response_code: 302, envoy_override: { a: [1, { b: c }] } }",
    ],
    ["Host", ""],
    ["Listener", "spec: { port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: { namespace: { from: ALL } } }"],
    ["TLSContext", "spec: { hosts: [a], secret: b, min_tls_version: v1.2 }"],
    ["Module", "spec: { config: { anything: { goes: [1, { a: b }] } } }"],
    ["KubernetesServiceResolver", "spec: { ambassador_id: [a] }"],
    ["KubernetesEndpointResolver", ""],
    ["TCPMapping", 'spec: { port: 5432, host: db, service: db, idle_timeout_ms: "1000", tls_passthrough: true }'],
    ["TCPMapping", "spec: { port: 5432, service: db, idle_timeout_ms: 1000 }"],
  ])("accepts a %s", async (kind, spec) => {
    expect(await apply(kind, "right", spec)).toMatchObject({ code: 0 });
  });

  it.each([
    ["Mapping", "", "spec: Required value"],
    ["Mapping", "spec: { prefix: /, service: a, timeout_ms: 3s }", ".spec.timeout_ms: expected numeric"],
    ["Mapping", "spec: { prefix: /, service: a, timeout: 3 }", ".spec.timeout: field not declared in schema"],
    ["Mapping", "spec: { prefix: /, service: a, labels: { a: [{ b: [], c: [] }] } }", "Too many"],
    ["Host", "spec: { tls: {}, tlsContext: {} }", "tls and tlsContext exclude each other; remove one of them"],
    [
      "Listener",
      "spec: { port: 80, securityModel: XFP, hostBinding: {} }",
      "neither protocol nor protocolStack is there",
    ],
    ["TLSContext", "spec: { cert_chain_file: a }", "cert_chain_file and private_key_file go together"],
    ["Module", "spec: {}", "spec.config: Required value"],
    ["KubernetesServiceResolver", "spec: { ambassador_id: a }", ".spec.ambassador_id: expected list"],
    ["KubernetesEndpointResolver", "spec: { ambassador_id: [1] }", ".spec.ambassador_id[0]: expected string"],
    ["TCPMapping", "spec: { port: 70000, service: db }", "should be less than or equal to 65535"],
  ])("refuses a wrong %s: %s", async (kind, spec, text) => {
    const refused = await apply(kind, "wrong", spec);
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain(text);
  });
});
