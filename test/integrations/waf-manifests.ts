import { expect, it } from "@jest/globals";
import { stringify } from "yaml";
import type { Cluster } from "../cluster/cluster.ts";
import { endingOf, type PodSpec, wafFile } from "./waf-files.ts";

interface Deployment {
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: PodSpec } };
}

/** The manifests of integrations/waf against an API server that has manifests/install.yaml, and a namespace that is restricted. */
export function wafManifestTests(cluster: () => Pick<Cluster, "kubectl">): void {
  const dryRun = ["--dry-run=server", "-n", "nuncio"];

  async function patched(file: "sidecar.yaml" | "native-sidecar.yaml"): Promise<PodSpec> {
    const patch = ["patch", "deployment", "nuncio", "--patch-file", wafFile(file), ...dryRun, "-o", "json"];
    const { metadata, spec } = (JSON.parse((await cluster().kubectl(patch)).stdout) as Deployment).spec.template;
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: "patched" }, spec };
    const result = await cluster().kubectl(["apply", ...dryRun, "-f", "-"], { input: stringify(pod), allowFail: true });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    return spec;
  }

  it.each(["sidecar.yaml", "native-sidecar.yaml"] as const)("leave the agent of %s without a token", async (file) => {
    const { automountServiceAccountToken, containers, initContainers = [] } = await patched(file);
    const having = [...initContainers, ...containers].filter(({ volumeMounts = [] }) =>
      volumeMounts.some(({ mountPath }) => mountPath.startsWith("/var/run/secrets/")),
    );
    expect([automountServiceAccountToken, having.map(({ name }) => name)]).toEqual([false, ["gateway"]]);
  });

  it("take the agent as a sidecar that outlives the gateway's delay and drain, and are given the time for it", async () => {
    const pod = await patched("sidecar.yaml");
    expect(pod.containers.map(({ name }) => name).sort()).toEqual(["gateway", "waf-agent"]);
    const { drainDelay, drain, agentSleeps, grace } = endingOf(pod);
    expect(agentSleeps).toBeGreaterThanOrEqual(drainDelay + drain + 5);
    expect(grace).toBeGreaterThan(agentSleeps + 5);
  });

  it("take the agent as a sidecar that Kubernetes itself starts before and ends after the gateway", async () => {
    const { containers, initContainers } = await patched("native-sidecar.yaml");
    expect(containers.map(({ name }) => name)).toEqual(["gateway"]);
    expect(initContainers).toMatchObject([{ name: "waf-agent", restartPolicy: "Always" }]);
  });

  it.each(["waf.yaml", "service.yaml"] as const)("stand beside integrations/waf/%s", async (file) => {
    const result = await cluster().kubectl(["apply", ...dryRun, "-f", wafFile(file)], { allowFail: true });
    expect([result.code, result.stderr.replace(/^Warning: .*\n/gm, "")]).toEqual([0, ""]);
  });
}
